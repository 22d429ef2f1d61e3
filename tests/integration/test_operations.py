"""The operations manual is true: its commands are executed, in their order, on a node that its first block makes."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from string import Template

import pytest
from factory import HOLDER, OFFICE, digest_of, private_key
from node_lab import Lab
from running_lab import named_redis
from typer.main import get_command
from typer.testing import CliRunner

from sandbox.cli.ledger import app as ledger
from sandbox.cli.node import app as node
from sandbox.data.synthesise import synthesise

pytestmark = [pytest.mark.docker, pytest.mark.slow]

MANUAL = Path(__file__).parents[2] / "docs" / "operations.md"
BLOCK = re.compile(r"^```sh( run)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOUNS = {"node": node, "ledger": ledger}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A registry, and people who would have a node beside it."""
    lab = Lab(tmp_path, named_redis())
    try:
        lab.start_registry()
        yield lab
    finally:
        lab.close()


def shell(lab: Lab) -> dict[str, str]:
    """What the manual's variables stand for, and the files that the holder gives."""
    (lab.folder / "data").mkdir()
    synthesise("FI", 400, 1, lab.folder / "data")
    pinned = json.loads((lab.folder / "registry" / "log.public.json").read_bytes())
    root = lab.world.sign(lab.world.trust_root(log_key=pinned), HOLDER)
    policy = lab.world.policy(blocks_minimum=2, block_people_minimum=20)
    numbers = policy.model_dump(mode="json", exclude={"policy_set_digest"})
    files = {"root.json": root, "policy.json": json.dumps(numbers).encode()}
    files["holder.pem"] = private_key(HOLDER).to_pem(None)
    for name, content in files.items():
        (lab.folder / name).write_bytes(content)
    return lab.environment | {
        "NODE": str(lab.node),
        "NAME": lab.world.node,
        "REGISTRY": lab.url,
        "ROOT": str(lab.folder / "root.json"),
        "FINGERPRINT": digest_of(root),
        "POLICY": str(lab.folder / "policy.json"),
        "HOLDER_KEY": str(lab.folder / "holder.pem"),
        "REQUEST": str(lab.folder / "request.json"),
        "DATASET": lab.world.dataset,
        "DATA": str(lab.folder / "data"),
    }


def accredit(lab: Lab, request: Path) -> None:
    """What the office does with the node's request."""
    said = json.loads(request.read_bytes())
    proved = {"keys": said["keys"], "proofs": said["proofs"]}
    lab.accreditation = lab.world.sign(lab.world.accreditation(lab.world.node, **proved), OFFICE)
    lab.client().publish("accreditations", lab.accreditation)


def execute(line: str) -> None:
    """Run one command as a shell would; its output may go to a file."""
    program, noun, *words = shlex.split(line)
    words, file = (words[:-2], Path(words[-1])) if words[-2] == ">" else (words, None)
    done = CliRunner().invoke(NOUNS[noun], words)
    assert program == "safeconduct"
    assert done.exit_code == 0, f"{line}\n{done.output[-3000:]}\n{done.exception!r}"
    if file:
        file.write_text(done.stdout)


def test_every_command_of_the_manual_does_what_it_says(lab: Lab) -> None:
    environment, executed = shell(lab), 0
    for runs_on, block in BLOCK.findall(MANUAL.read_text()):
        if runs_on:
            assert block == 'safeconduct node run --dir "$NODE"\n'
            accredit(lab, Path(environment["REQUEST"]))
            lab.start_node()
            environment["ORDER"] = lab.order(lab.algorithm({"share": 0.5}))
            lab.receipt(environment["ORDER"])
            continue
        for line in block.replace("\\\n", " ").splitlines():
            execute(Template(line).substitute(environment))
            executed += 1
    assert executed > 20


def test_every_command_that_the_manual_names_exists() -> None:
    known = set(get_command(node).commands)  # type: ignore[attr-defined]  the node is a group
    named = set(
        re.findall(r"(?:safeconduct )?node ([a-z-]+)", " ".join(re.findall(r"`([^`\n]+)`", MANUAL.read_text())))
    )
    assert named
    assert named <= known
