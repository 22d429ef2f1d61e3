"""The demo's programs: stopped by process id, explained when they fail."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from client.commands import demo_programs
from client.commands.demo_programs import ProgramFailed, Programs, wait_until


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Programs whose command is this Python."""
    monkeypatch.setattr(demo_programs, "command", lambda: [sys.executable, "-c"])
    return Programs(logs=tmp_path / "logs")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_leaving_stops_what_was_started(programs: Programs) -> None:
    with programs:
        child = programs.start("sleeper", ["import time; time.sleep(60)"])
        assert child is not None
        assert is_alive(child.process.pid)

    assert child.process.returncode == -signal.SIGTERM


def test_program_that_ignores_sigterm_is_killed(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_programs, "GRACE_SECONDS", 0.3)
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    with programs:
        child = programs.start("stubborn", [stubborn])
        assert child is not None
        wait_until(lambda: child.said("deaf"), seconds=20, what="The start", check=programs.check_alive)

    assert child.process.returncode == -signal.SIGKILL


def test_nothing_starts_after_the_end(programs: Programs) -> None:
    with programs:
        pass

    assert programs.start("late", ["pass"]) is None
    assert programs.children == []


def test_command_returns_what_it_printed(programs: Programs) -> None:
    with programs:
        found = programs.run("printer", ["print('{\"a\": [1, 2]}')"])

    assert found == {"a": [1, 2]}


def test_failed_command_shows_the_end_of_its_log(programs: Programs) -> None:
    with programs, pytest.raises(ProgramFailed) as refused:
        programs.run("breaker", ["import sys; print('what went wrong', file=sys.stderr); sys.exit(3)"])

    assert refused.value.code == "demo-program-failed"
    assert "code 3" in refused.value.sentence
    assert "what went wrong" in refused.value.sentence


def test_waiting_ends_when_a_program_dies(programs: Programs) -> None:
    with programs:
        programs.start("mortal", ["raise SystemExit(1)"])
        started = time.monotonic()

        with pytest.raises(ProgramFailed) as refused:
            wait_until(lambda: False, seconds=60, what="The end of time", check=programs.check_alive)

    assert refused.value.code == "demo-program-failed"
    assert time.monotonic() - started < 30


def test_waiting_has_an_end(programs: Programs) -> None:
    with pytest.raises(ProgramFailed) as refused:
        wait_until(lambda: False, seconds=0.1, what="The end of time", check=lambda: None)

    assert refused.value.code == "demo-too-slow"
