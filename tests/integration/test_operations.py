"""The operations manual is true: its commands are executed, in their order, on a node that its first block makes.

A block marked `sh run` starts the node, `sh refused CODE` is a command that must be refused; what happens to the node
between the manual's words, such as the loss of its disk, is `Course`'s to do.
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGKILL
from string import Template

import pytest
from factory import HOLDER, OFFICE, digest_of, key_entry, private_key
from first_release import FIRST, make_first_node
from node_lab import CUSTODIANS, Lab, wait_for
from running_lab import named_redis
from typer.main import get_command
from typer.testing import CliRunner

from protocol.documents.limits import CLOCK_SKEW
from sandbox.cli.ledger import app as ledger
from sandbox.cli.node import app as node
from sandbox.data.synthesise import synthesise
from sandbox.store.base import Store
from sandbox.store.schema import HEAD, read_revision

# The manual waits for some minutes of jobs, starts and self-tests when the machine is busy.
pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(600)]

MANUAL = Path(__file__).parents[2] / "docs" / "operations.md"
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^```sh(?: (run|refused [a-z-]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
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
    """What the manual's variables stand for, and the files that holder and custodians have."""
    for name in ("data", "elsewhere", "backup"):
        (lab.folder / name).mkdir()
    synthesise("FI", 400, 1, lab.folder / "data")
    pinned = json.loads((lab.folder / "registry" / "log.public.json").read_bytes())
    custodians = [{"person": name, "keys": [key_entry(name)]} for name in CUSTODIANS]
    root = lab.world.sign(lab.world.trust_root(log_key=pinned, custodians=custodians), HOLDER)
    policy = lab.world.policy(blocks_minimum=2, block_people_minimum=20)
    numbers = policy.model_dump(mode="json", exclude={"policy_set_digest"})
    files = {"root.json": root, "policy.json": json.dumps(numbers).encode()}
    files |= {f"{name}.pem": private_key(name).to_pem(None) for name in (HOLDER, *CUSTODIANS)}
    for name, content in files.items():
        (lab.folder / name).write_bytes(content)
    places = {
        "NODE": "node",
        "NEW": "made-again",
        "ROOT": "root.json",
        "POLICY": "policy.json",
        "HOLDER_KEY": f"{HOLDER}.pem",
        "CUSTODIAN": f"{CUSTODIANS[0]}.pem",
        "OTHER_CUSTODIAN": f"{CUSTODIANS[1]}.pem",
        "REQUEST": "request.json",
        "DATA": "data",
        "ELSEWHERE": "elsewhere",
        "BACKUP": "backup",
        "RECEIPTS": "receipts",
        "RESTORE": "restore.json",
    }
    words = {"NAME": lab.world.node, "REGISTRY": lab.url, "FINGERPRINT": digest_of(root), "DATASET": lab.world.dataset}
    return words | {name: str(lab.folder / place) for name, place in places.items()}


class Course:
    """What happens to the node while its admin follows the manual: one method for each section in which it starts."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.words, self.executed = lab, shell(lab), 0
        self.starts = {"Install": self.begin, "Upgrade": self.upgrade, "Lose a disk": self.made_again}
        self.orders: list[str] = []

    def begin(self) -> None:
        """The office accredits the node, which then answers its first order."""
        said = json.loads(Path(self.words["REQUEST"]).read_bytes())
        proved = {"keys": said["keys"], "proofs": said["proofs"]}
        self.lab.accreditation = self.lab.world.sign(
            self.lab.world.accreditation(self.lab.world.node, **proved), OFFICE
        )
        self.lab.client().publish("accreditations", self.lab.accreditation)
        self.lab.start_node()
        self.tiny = self.lab.algorithm({"share": 0.5})
        self.orders.append(self.lab.order(self.tiny))
        self.words["ORDER"] = self.orders[0]
        assert self.lab.receipt(self.orders[0]).decision == "released"

    def upgrade(self) -> None:
        """An order comes while the node drains; the database that it waits in becomes one of the first release."""
        self.orders.append(self.lab.order(self.tiny))
        wait_for(lambda: self.reason(self.orders[1]) == "node-draining" or None, 30, "that the order waits")
        self.lab.stop("node")
        self.lab.store.close()
        del self.lab.store
        database = self.lab.node / "node.db"
        with closing(Store(f"sqlite:///{database}")) as now, closing(Store(f"sqlite:///{database}.first")) as then:
            make_first_node(now, then)
            assert read_revision(then) == FIRST
        for file in self.lab.node.glob("node.db-*"):
            file.unlink()
        Path(f"{database}.first").replace(database)
        self.lab.start_node()
        assert read_revision(self.lab.store) == HEAD

    def lose(self) -> None:
        """The order that waited is answered, and one more; then the disk dies, and the processes that ran from it."""
        self.orders.append(self.lab.order(self.tiny))
        assert [self.lab.receipt(order).decision for order in self.orders[1:]] == ["released"] * 2
        self.lab.stop("node", SIGKILL)
        self.lab.move_node(Path(self.words["NEW"]), f"sqlite:///{self.words['NEW']}/node.db")
        shutil.rmtree(self.words["NODE"])

    def withhold(self) -> None:
        """The registry does not give one of the receipts back."""
        (Path(self.words["RECEIPTS"]) / f"{self.orders[2]}.json").unlink()

    def made_again(self) -> None:
        """The node in its new folder is the node from now on."""
        self.lab.start_node()
        self.words["NODE"] = self.words["NEW"]

    def reason(self, order: str) -> str | None:
        job = self.lab.job(order)
        return job["code"] if job else None

    def follow(self, section: str, mark: str, block: str) -> None:
        """Do what one block of the manual says."""
        for line in block.replace("\\\n", " ").splitlines():
            said = Template(line).substitute(self.words)
            if mark == "run":
                assert line.startswith("safeconduct node run --dir ")
                self.starts.pop(section)()
            elif mark:
                code, answer = self.lab.command(*shlex.split(said)[1:], succeeds=False)
                assert code != 0
                assert mark.removeprefix("refused ") in answer
            else:
                execute(said)
            if " restore fetch " in line:
                self.withhold()
            self.executed += 1


def execute(line: str) -> None:
    """Run one command as a shell would; the output of ours may go to a file."""
    program, *words = shlex.split(line)
    if program != "safeconduct":
        assert program in {"cp", "mv", "ln"}
        subprocess.run([program, *words], check=True, timeout=60)
        return
    words, file = (words[:-2], Path(words[-1])) if words[-2] == ">" else (words, None)
    done = CliRunner().invoke(NOUNS[words[0]], words[1:])
    assert done.exit_code == 0, f"{line}\n{done.output[-3000:]}\n{done.exception!r}"
    if file:
        file.write_text(done.stdout)


def test_every_command_of_the_manual_does_what_it_says(lab: Lab) -> None:
    course = Course(lab)
    _, *parts = SECTION.split(MANUAL.read_text())
    for section, text in zip(parts[::2], parts[1::2], strict=True):
        if section == "Lose a disk":
            course.lose()
        for mark, block in BLOCK.findall(text):
            course.follow(section, mark, block)

    assert (course.starts, course.executed > 50) == ({}, True)
    later = lab.order(course.tiny, not_before=datetime.now(UTC).replace(microsecond=0) + CLOCK_SKEW)
    answered = lab.receipt(later)
    assert (answered.decision, answered.code) == ("released", "released")
    witnessed, reserved = 3 * 2_000_000, lab.world.policy().job_cap_nano  # the first, the one that waited, the last
    assert lab.status()["pool"]["rho_spent_nano"] == witnessed + reserved, "what nobody witnessed is the dearest job"


def test_every_command_that_the_manual_names_exists() -> None:
    known = set(get_command(node).commands)  # type: ignore[attr-defined]  the node is a group
    named = set(
        re.findall(r"(?:safeconduct )?node ([a-z-]+)", " ".join(re.findall(r"`([^`\n]+)`", MANUAL.read_text())))
    )
    assert named
    assert named <= known
