"""Rehearsals of a real image, and that nothing of the kind can happen beside real data."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import chamber_help as help_
import docker
import pytest
from docker.errors import APIError
from typer.testing import CliRunner

from client import cli
from protocol.crypto.keys import PrivateKey
from protocol.documents.algorithm import ImageIdentity
from protocol.documents.envelope import read_claim
from protocol.documents.rehearsal import Rehearsal
from protocol.errors import SafeconductError
from sandbox.actions.proposal import read_proposal
from sandbox.cli.rehearse import app

pytestmark = pytest.mark.docker

PROGRAM = r"""
import csv, json, sys, time
told = json.load(open("/mnt/input/input.json"))["parameters"]["do"]
rows = list(csv.DictReader(open("/mnt/input/data/subjects.csv"))) if told != "talk" else []
if told == "talk":
    for _ in range(100):
        print("SECRET OF THE BLOCK", flush=True)
        print("SECRET OF THE BLOCK", file=sys.stderr, flush=True)
        time.sleep(0.05)
mean = sum(float(row["age"]) for row in rows) / max(len(rows), 1)
role = int(rows[0]["person"], 16) % 4 if rows else 0
if told == "fail":
    print("x" * 3_000_000)
print("block of", len(rows), "\x1b[2J[bold]people[/bold]")
if told == "fail" and role == 1:
    print("no convergence", file=sys.stderr)
    sys.exit(3)
with open("/mnt/output/result.json", "w") as result:
    json.dump({"mean_age": "old" if told == "fail" and role == 2 else mean}, result)
"""
SPEC = """
name = "mean_age"
version = "0.1.0"
summary = "Mean age."
purpose = ["DUO:0000042"]
entrypoint = ["/usr/bin/python3", "-I", "-S", "/program.py"]
unit = "family"
mode = "block"
slot_milliseconds = 60_000
memory_bytes = 134_217_728
output_bytes = 4_096
model_parameters = 1
[inputs]
variants = false
columns = ["age"]
[parameters]
type = "object"
additionalProperties = false
required = ["do"]
properties.do = { type = "string", enum = ["work", "fail", "talk"] }
[[outputs]]
name = "mean_age"
kind = "number"
range = ["0", "110"]
default = "50"
spread = "3"
aggregator = "mean"
"""
LINE = ["--people", "1700", "--rho", "0.03125", "--blocks", "32", "--json"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The algorithm's folder, with what `algorithm build` makes of it beside."""
    folder = tmp_path_factory.mktemp("mean_age")
    (folder / "program.py").write_text(PROGRAM)
    (folder / "algorithm.toml").write_text(SPEC)
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY program.py /program.py\n")
    (folder / "build").mkdir()
    image = help_.build_image(folder, folder / "build" / "image.tar")
    (folder / "build" / "identity.json").write_text(json.dumps(image.identity.model_dump(mode="json")))
    yield folder
    help_.forget_image(image.identity.config_digest)


def rehearse(folder: Path, do: str, *more: str) -> tuple[int, dict[str, Any]]:
    """Run the command; its exit code as the root command would give it, and its report."""
    found = CliRunner().invoke(
        app, [str(folder), "--build", str(folder / "build"), *LINE, "--param", f"do={do}", *more]
    )
    error = found.exception
    code = cli.exit_code(error) if isinstance(error, SafeconductError) else found.exit_code
    assert found.stdout, error
    return code, json.loads(found.stdout)


def test_honest_program_is_fit_and_its_report_is_signed(folder: Path, tmp_path: Path) -> None:
    key = PrivateKey.generate_ed25519()
    (tmp_path / "rita.pem").write_bytes(key.to_pem(None))
    signing = ["--report", str(tmp_path / "report.json"), "--key", str(tmp_path / "rita.pem"), "--by", "rita"]

    code, report = rehearse(folder, "work", *signing)

    claim = read_claim((tmp_path / "report.json").read_bytes(), Rehearsal)
    signed = claim.checked([key.public])
    assert code == 0
    assert signed.model_dump(mode="json") == report
    assert signed.proposal == read_proposal(folder, folder / "build").algorithm.proposal_digest
    assert (signed.fit, signed.failures, signed.price_nano) == (True, (), 31_250_000)
    assert signed.chambers_good + signed.chambers_empty == 32
    (output,) = signed.outputs
    # The mean of 110 years wide ranges over 32 blocks has noise of 13.75: five times it, below 1e-6; ages are 18 to 95.
    assert 18 < float(output.noiseless) < 95
    assert abs(float(output.value) - float(output.noiseless)) < 80
    assert 0.5 < float(output.spread or 0) < 12
    assert all(one.stdout.startswith("block of") for one in signed.watched)


def test_faults_of_a_program_are_shown_with_the_last_of_its_words_and_nothing_is_left(folder: Path) -> None:
    code, report = rehearse(folder, "fail")

    failures = {one["code"]: one["detail"] for one in report["failures"]}
    assert code == 6
    assert failures.keys() == {"exit-code", "output-not-number"}
    assert failures["exit-code"] == "it ended with exit code 3"
    assert "'old'" in failures["output-not-number"]
    failed = {one["chamber"] for one in report["failures"] if one["code"] == "exit-code"}
    words = {one["chamber"]: one for one in report["watched"]}
    assert all(words[chamber]["stderr"] == "no convergence\n" for chamber in failed)
    assert all(one["stdout"].endswith("\\x1b[2J[bold]people[/bold]\n") for one in words.values())
    assert {len(one["stdout"]) for one in words.values()} == {2000}  # of a flood of three million
    assert [one["code"] for one in report["findings"] if one["level"] == "fault"] == ["chambers-failed"]
    assert report["chambers_good"] + report["chambers_empty"] + len(report["failures"]) == 32
    with closing(docker.APIClient(base_url=help_.engine_url())) as engine:
        ours = {"label": f"eu.safeconduct.node=rehearsal-{os.getpid()}"}
        assert engine.containers(all=True, filters=ours) == []
    assert list(Path("/dev/shm").glob(f"safeconduct-rehearsal-{os.getpid()}-*")) == []


@pytest.mark.parametrize("name", help_.ENGINES)
def test_on_the_real_path_no_word_of_a_running_chamber_can_be_had(folder: Path, name: str) -> None:
    identity = ImageIdentity.model_validate_json((folder / "build" / "identity.json").read_text())
    node = f"tests-words-{os.getpid()}-{name}"
    runtime = help_.engine_runtime(name, node)
    image_id = runtime.load_image(folder / "build" / "image.tar", identity)
    for directory in help_.run_directory():
        hall = help_.Hall(runtime, image_id, directory, f"words-{os.getpid()}-{name}")
        entrypoint = read_proposal(folder).algorithm.entrypoint
        plan = hall.plan(["any"], entrypoint=entrypoint, input_json=b'{"parameters":{"do":"talk"}}', lanes=1)

        runtime.run_slice(plan, 0, hall.outputs, datetime.now(UTC) + timedelta(seconds=2))

        with closing(docker.APIClient(base_url=help_.engine_url())) as engine:
            (running,) = engine.containers(filters={"label": f"eu.safeconduct.node={node}"})
            assert engine.inspect_container(running)["HostConfig"]["LogConfig"]["Type"] == "none"
            with pytest.raises(APIError, match="does not support reading"):
                engine.logs(running)
        runtime.remove_below(plan.job, plan.fence + 1)
