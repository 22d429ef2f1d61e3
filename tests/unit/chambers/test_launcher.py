"""The launcher, run on this machine as a chamber runs it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.chambers.launcher import launcher

PYTHON = sys.executable


@pytest.fixture
def start(tmp_path: Path) -> Path:
    path = tmp_path / "launcher"
    path.write_bytes(launcher())
    path.chmod(0o555)
    return path


def run(start: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run it with no new privileges, as in a chamber: only then may it load its filter without rights."""
    command = ["setpriv", "--no-new-privs", str(start), *arguments]
    return subprocess.run(command, capture_output=True, timeout=20, check=False, env={"KEPT": "yes"})


def code(text: str) -> tuple[str, ...]:
    return (PYTHON, "-I", "-S", "-c", text)


@pytest.mark.parametrize("exit_code", [0, 1, 77, 255])
def test_exit_code_of_the_program_is_handed_on(start: Path, exit_code: int) -> None:
    assert run(start, *code(f"raise SystemExit({exit_code})")).returncode == exit_code


def test_death_by_a_signal_is_handed_on(start: Path) -> None:
    assert run(start, *code("import os; os.kill(os.getpid(), 9)")).returncode == 128 + signal.SIGKILL


def test_program_gets_its_arguments_and_environment(start: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    text = f"import os, sys; open({str(seen)!r}, 'w').write(repr((sys.argv[1:], os.environ['KEPT'])))"

    run(start, *code(text), "one", "two words", "")

    assert seen.read_text() == "(['one', 'two words', ''], 'yes')"


def test_nothing_that_the_program_prints_comes_out(start: Path) -> None:
    done = run(start, *code("import os; print('out', flush=True); os.write(2, b'err'); os.write(1, b'out')"))

    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)


def test_program_holds_no_other_descriptor(start: Path, tmp_path: Path) -> None:
    seen, leaked = tmp_path / "seen", os.open("/etc/passwd", os.O_RDONLY)
    text = f"import os; n = sorted(map(int, os.listdir('/proc/self/fd'))); open({str(seen)!r}, 'w').write(repr(n))"
    try:
        command = ["setpriv", "--no-new-privs", str(start), *code(text)]
        subprocess.run(command, pass_fds=[leaked], timeout=20, check=True)
    finally:
        os.close(leaked)

    assert seen.read_text() == "[0, 1, 2, 3]"  # 3 is the listing's own


def test_end_of_a_grandchild_is_not_the_programs_end(start: Path) -> None:
    text = "import os, time\nif os.fork() == 0:\n os.fork(); os._exit(9)\ntime.sleep(0.3); raise SystemExit(5)"

    assert run(start, *code(text)).returncode == 5


def test_program_cannot_load_filters_or_ask_for_free_blocks(start: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    text = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nfound = []\n"
        "for call in ((22, 2, 0), (22, 1, 0)):\n found.append((libc.prctl(*call), ctypes.get_errno()))\n"
        "found.append((libc.syscall(138, 0, 0), ctypes.get_errno()))\n"
        f"open({str(seen)!r}, 'w').write(repr(found))"
    )

    run(start, *code(text))

    assert seen.read_text() == "[(-1, 1), (-1, 1), (-1, 1)]"


@pytest.mark.parametrize("arguments", [(), ("/no/such/program",), ("/etc/passwd",), ("python3",)])
def test_program_that_cannot_start_ends_with_126(start: Path, arguments: tuple[str, ...]) -> None:
    assert run(start, *arguments).returncode == 126


def test_launcher_is_the_same_every_time() -> None:
    assert launcher() == launcher()
    assert len(launcher()) < 600
