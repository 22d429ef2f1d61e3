"""The real path has no way to keep what a chamber prints: not by a plan, a setting, an import."""

import ast
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from chamber_plans import plan

from sandbox.chambers import cell_flags, flags
from sandbox.chambers.cell_desk import CellDesk
from sandbox.chambers.desk import Desk
from sandbox.chambers.launcher import heard_launcher, launcher
from sandbox.chambers.seccomp import profile
from sandbox.domain.chamber import Profile, Timing

ROOT = Path(__file__).parents[3]
MAY_IMPORT = {
    "sandbox/actions/rehearse.py",
    "sandbox/actions/rehearsal_report.py",
    "sandbox/cli/rehearse.py",
}
PLANS = {
    "timing": tuple(Timing),
    "profile": tuple(Profile),
    "oci_runtime": ("runc", "runsc", "rehearsal"),
    "job": ("job-1", "rehearsal-1"),
    "entrypoint": (("/program",), ("/program", "--log-driver=json-file")),
    "input_json": (b"{}", b'{"rehearsal":true,"debug":true}'),
}


@pytest.mark.parametrize("strict", [False, True])
def test_no_plan_makes_a_real_chamber_keep_its_words(
    strict: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REHEARSAL", "SAFECONDUCT_REHEARSAL", "SAFECONDUCT_DEBUG", "DEBUG"):
        monkeypatch.setenv(name, "1")
    calls = profile(strict=strict)
    kit = cell_flags.Kit(program=Path("/supervisor"), apparmor=None, node="node", root=None)

    kept = set()
    for values in itertools.product(*PLANS.values()):
        made = plan(**dict(zip(PLANS, values, strict=True)), seccomp=calls)
        host = flags.host_config(made, Desk(tmp_path, made, 0), Path("/blocks/0"))
        cell = cell_flags.host_config(made, CellDesk(tmp_path, made, 0), kit, Path("/blocks"))
        kept |= {host["log_config"]["Type"], cell["log_config"]["Type"]}
        kept |= {str(flags.container_config(made, 0, "node", [])["tty"])}

    assert kept == {"none", "False"}


def test_real_desk_lays_the_silent_launcher(tmp_path: Path) -> None:
    desk = Desk(tmp_path, plan(), 0)
    desk.lay()

    laid = desk.launcher.read_bytes()
    desk.clear()

    assert laid == launcher()
    assert laid != heard_launcher()


def test_heard_launcher_differs_in_the_two_streams_only(tmp_path: Path) -> None:
    path = tmp_path / "launcher"
    path.write_bytes(heard_launcher())
    path.chmod(0o555)
    text = "import os, sys; os.write(1, b'out'); os.write(2, b'err'); sys.exit(len(os.read(0, 1)) or 7)"

    command = ["setpriv", "--no-new-privs", str(path), sys.executable, "-I", "-S", "-c", text]
    done = subprocess.run(command, input=b"in", capture_output=True, timeout=20, check=False)

    assert (done.stdout, done.stderr, done.returncode) == (b"out", b"err", 7)


def test_only_the_rehearsal_can_reach_what_listens() -> None:
    found = set()
    for path in (ROOT / "sandbox").rglob("*.py"):
        names = {
            alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        if any("chambers.watched" in name or name.endswith("heard_launcher") for name in names):
            found.add(os.fspath(path.relative_to(ROOT)))

    assert found - {"sandbox/chambers/watched.py"} == MAY_IMPORT
