"""Finding what is left of a container, on a pretended cgroup file system."""

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from sandbox.chambers import cgroups
from sandbox.chambers.cgroups import Cgroups
from sandbox.errors import InfrastructureLost


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)
    (tmp_path / "cgroup.controllers").touch()
    return tmp_path


def test_removed_cgroup_holds_nothing(root: Path) -> None:
    assert Cgroups("cgroupfs").clear("abc")


@pytest.mark.parametrize(("driver", "path"), [("cgroupfs", "docker/abc"), ("systemd", "system.slice/docker-abc.scope")])
def test_process_that_runs_on_is_killed_and_reported(root: Path, driver: str, path: str) -> None:
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (root / path).mkdir(parents=True)
    processes = root / path / "cgroup.procs"
    processes.write_text(f"{left.pid}\n")

    class Emptying(Cgroups):
        def _processes(self, container_id: str) -> list[int]:
            if left.poll() is not None:
                processes.write_text("")
            return super()._processes(container_id)

    assert not Emptying(driver).clear("abc")
    assert left.wait(10) == -9


def test_process_that_cannot_be_killed_is_an_alarm(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "GONE_SECONDS", 0.05)
    (root / "docker/abc").mkdir(parents=True)
    (root / "docker/abc/cgroup.procs").write_text(f"{2**22 - 1}\n")  # no such process: it never leaves the list

    with pytest.raises(InfrastructureLost, match="chamber-runs-on"):
        Cgroups("cgroupfs").clear("abc")


@pytest.mark.parametrize(
    ("shown", "runs", "refused"),
    [
        (None, False, True),  # not even the place where an engine puts them
        ("docker", True, True),  # there is an engine here, and it is another one
        ("docker/abc", True, True),  # its processes are in another namespace: the list is empty and always will be
        ("docker", False, False),  # it ended before anybody looked
        ("docker/abc/1", True, False),
    ],
)
def test_chamber_that_runs_and_cannot_be_seen_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, shown: str | None, runs: bool, refused: bool
) -> None:
    folder, _, process = (shown or "").partition("/abc")
    if shown:
        (root / folder).mkdir(parents=True)
    if "/abc" in (shown or ""):
        (root / "docker/abc").mkdir()
        (root / "docker/abc/cgroup.procs").write_text(process.removeprefix("/"))
    monkeypatch.setattr(cgroups, "GONE_SECONDS", 0.05)
    with pytest.raises(InfrastructureLost, match="cgroups-hidden") if refused else nullcontext():
        Cgroups("cgroupfs").check_visible("abc", lambda: runs)


def test_chamber_whose_end_the_engine_learns_late_is_no_hidden_one(root: Path) -> None:
    (root / "docker").mkdir(parents=True)
    words = iter([True, True, False])
    Cgroups("cgroupfs").check_visible("abc", lambda: next(words))
