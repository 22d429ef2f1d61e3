"""`node doctor` on a node that runs, and on copies of it each of which lacks one thing that makes a node work."""

import datetime as dt
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from node_lab import Lab, wait_for
from running_lab import named_redis, running_lab
from typer.testing import CliRunner

from sandbox.cli.node import app
from sandbox.domain.checks import REMEDIES
from sandbox.settings import default_run_directory
from sandbox.store.base import microseconds

# The engine's SDK leaves a socket that could not connect to the garbage collector.
UNCLOSED = "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.filterwarnings(UNCLOSED)]

NEVER_OK = {"certificate"}  # the lab's registry is spoken to without TLS, which warns


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A registry and a node that runs and has done one job."""
    with running_lab(tmp_path_factory.mktemp("doctor"), named_redis()) as lab:
        lab.receipt(lab.order(lab.algorithm({"share": 0.5})))
        yield lab


class Copy:
    """A copy of the running node's directory and database, to be broken."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.node = folder / "node"
        shutil.copytree(lab.node, self.node, ignore=shutil.ignore_patterns("node.db*", "images"))
        with closing(sqlite3.connect(lab.node / "node.db")) as source:
            source.execute("VACUUM INTO ?", [str(self.node / "node.db")])
        self.environment = {name: lab.environment[name] for name in ("SAFECONDUCT_REDIS_URL", "DOCKER_HOST")}

    def set(self, line: str) -> None:
        """Put a setting in place of the one of the same name."""
        path, name = self.node / "node.toml", line.partition(" ")[0]
        kept = [one for one in path.read_text().splitlines() if not one.startswith(f"{name} ")]
        path.write_text("\n".join([*kept, line, ""]))

    def change(self, statement: str, *values: Any) -> None:
        """Change the database by hand."""
        with closing(sqlite3.connect(self.node / "node.db")) as connection, connection:
            assert connection.execute(statement, values).rowcount

    def close(self) -> None:
        shutil.rmtree(default_run_directory(self.node), ignore_errors=True)


@pytest.fixture
def copy(lab: Lab, tmp_path: Path) -> Iterator[Copy]:
    made = Copy(lab, tmp_path)
    yield made
    made.close()


def doctor(node: Path, environment: dict[str, str]) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and what each check says."""
    done = CliRunner().invoke(app, ["doctor", "--dir", str(node), "--json"], env=environment)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, {check["name"]: check for check in json.loads(done.stdout)["checks"]}


@pytest.mark.parametrize(
    ("hidden", "says"),
    [
        ("/dev/shm", "does not see what lies in this worker's memory"),
        ("/sys/fs/cgroup", "running chamber is under /sys"),
    ],
)
def test_engine_on_another_machine_is_told_apart_from_a_broken_one(
    lab: Lab, copy: Copy, hidden: str, says: str
) -> None:
    """What another machine's engine cannot see of this one, and this one of it, is hidden by a mount of our own."""
    if os.geteuid():
        pytest.skip("only root can hide a folder by a mount")
    command = (
        f"mount -t tmpfs tmpfs {hidden} && exec '{sys.executable}' -m client.cli node doctor --dir '{copy.node}' --json"
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command],
        env=lab.environment | copy.environment,
        capture_output=True,
        check=False,
    )
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert (found["engine"]["level"], found["chamber"]["level"]) == ("ok", "failed")
    assert says in found["chamber"]["sentence"]


def test_node_that_runs_is_well_and_every_check_was_made(lab: Lab) -> None:
    code, found = wait_for(lambda: _well(lab), 60, "that the node is well")

    assert code == 0
    assert list(found) == list(REMEDIES)
    assert {name for name, check in found.items() if check["level"] != "ok"} == NEVER_OK
    assert found["chamber"]["age_seconds"] < 10


def _well(lab: Lab) -> tuple[int, dict[str, dict[str, Any]]] | None:
    code, found = doctor(lab.node, {})
    return (code, found) if code == 0 else None


def break_settings(copy: Copy) -> None:
    copy.set('no_such_setting = "x"')


def break_key(copy: Copy) -> None:
    (copy.node / "keys" / "node.pem").chmod(0o644)


def break_policy(copy: Copy) -> None:
    path = next((copy.node / "policies").iterdir())
    path.write_bytes(path.read_bytes() + b"// changed\n")


def break_database(copy: Copy) -> None:
    copy.set(f'database_url = "sqlite:///{copy.node}/no-such-folder/node.db"')


def break_clock_and_let_papers_expire(copy: Copy) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=10_000)
    copy.change("UPDATE mark SET at = ? WHERE name = 'clock'", microseconds(later))


def break_ledger(copy: Copy) -> None:
    (copy.node / "ledger.head").unlink()


def break_broker(copy: Copy) -> None:
    copy.environment["SAFECONDUCT_REDIS_URL"] = "redis+socket:///no/such/socket"


def break_engine(copy: Copy) -> None:
    copy.environment["DOCKER_HOST"] = "unix:///no/such/engine"


def break_chamber(copy: Copy) -> None:
    copy.environment["SAFECONDUCT_SUPERVISOR"] = "/bin/true"


def break_registry_address(copy: Copy) -> None:
    copy.set('registry = "https://127.0.0.1:1"')


def break_log(copy: Copy) -> None:
    copy.change("UPDATE log_seen SET alarm = 'log-fork', alarm_sentence = 'It forked.', alarm_at = seen_at")


def break_processes(copy: Copy) -> None:
    """As if everything had been killed a minute ago."""
    copy.change("UPDATE observation SET at = at - 60000000 WHERE name LIKE 'worker:%' OR name LIKE 'loop:%'")


PAPERS = {"clock", "trust-root", "accreditation", "statuses", "rosters"}
FIRST = {"settings", "key", "policy", "database"}  # behind these nothing can be asked

BROKEN: list[tuple[Callable[[Copy], None], set[str]]] = [
    (break_settings, {"settings"}),
    (break_key, {"key"}),
    (break_policy, {"policy"}),
    (break_database, {"database"}),
    (break_clock_and_let_papers_expire, PAPERS),
    (break_ledger, {"ledger"}),
    (break_broker, {"broker"}),
    (break_engine, {"engine", "chamber"}),
    (break_chamber, {"chamber"}),
    (break_registry_address, {"accreditation", "certificate"}),
    (break_log, {"log"}),
    (break_processes, {"workers", "sweeper", "relay"}),
]


@pytest.mark.parametrize(("break_it", "wanted"), BROKEN, ids=[act.__name__ for act, _ in BROKEN])
def test_what_is_broken_fails_its_check_and_has_its_remedy(
    copy: Copy, break_it: Callable[[Copy], None], wanted: set[str]
) -> None:
    break_it(copy)

    code, found = doctor(copy.node, copy.environment)

    failed = {name for name, check in found.items() if check["level"] == "failed"}
    assert code == 1
    assert wanted <= failed
    assert all(found[name]["remedy"] == REMEDIES[name] for name in wanted)
    if not wanted & {"clock", "workers"}:  # time, and a whole node that ended, take more along
        assert failed == wanted
    assert (len(found) == len(REMEDIES)) == (not wanted & FIRST)


def test_small_disks_fail(copy: Copy) -> None:
    if os.geteuid():
        pytest.skip("only root can mount the small disks that this test needs")
    with tempfile.TemporaryDirectory(dir=copy.node.parent) as disk:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "none", disk], check=True)
        try:
            shutil.copytree(copy.node, Path(disk) / "node")
            copy.node = Path(disk) / "node"
            copy.set(f'run_directory = "{disk}/run"')
            code, found = doctor(copy.node, copy.environment)
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)
    assert code == 1
    assert {found[name]["level"] for name in ("disk-database", "disk-staging")} == {"failed"}


def test_registry_that_does_not_answer_fails_within_a_round(lab: Lab) -> None:
    lab.stop("registry")
    found = wait_for(lambda: _without_registry(lab), 60, "that the agent notices")
    assert found["registry"]["remedy"] == REMEDIES["registry"]
    assert found["accreditation"]["level"] == "failed"


def _without_registry(lab: Lab) -> dict[str, dict[str, Any]] | None:
    _, found = doctor(lab.node, {})
    return found if found["registry"]["level"] == "failed" else None
