"""Processes that outlive the command which started them, and how they are ended.

1. A daemon gets a session of its own and none of our descriptors: the shell's end does not kill it, and a CI job that
   waits for its pipes to close is not kept waiting.
2. It is ended by its number, and only if its command line still names our folder: numbers are used again.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from errors import CannotSetUp
from machine import Machine, last_line

NUMBER_THEN_RUN = 'echo $$ > "$0"; exec "$@"'
"""The shell writes its number, then becomes the daemon: right under sudo too, whose own number would be of no use."""

POLL_SECONDS = 0.05


def start(
    machine: Machine, name: str, command: Sequence[str], ready: Callable[[], bool], *, as_root: bool, seconds: float
) -> None:
    """Start a daemon whose number goes to `.run/<name>.pid` and words to `.run/<name>.log`; return when it is ready."""
    number, log = machine.run / f"{name}.pid", machine.run / f"{name}.log"
    number.unlink(missing_ok=True)
    before = (machine.root or ()) if as_root else ()
    with log.open("wb") as words:
        process = subprocess.Popen(
            [*before, "sh", "-c", NUMBER_THEN_RUN, str(number), *command],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
    until = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            stop(machine, name)
            said = last_line(log.read_text(errors="replace"))
            raise CannotSetUp(f"{name} did not start; its log .run/{log.name} ends with: {said}")
        time.sleep(POLL_SECONDS)
    process.returncode = 0  # it goes on without us: no warning that a child is still running


def is_running(machine: Machine, name: str) -> bool:
    """Whether the daemon that we started under this name still runs."""
    return _number(machine, name) is not None


def stop(machine: Machine, name: str, *, seconds: float = 20) -> bool:
    """End the daemon, first by asking; return whether there was one."""
    number = _number(machine, name)
    if number is None:
        return False
    _signal(machine, number, signal.SIGTERM)
    until = time.monotonic() + seconds
    while _number(machine, name) == number:
        if time.monotonic() > until:
            _signal(machine, number, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    return True


def naming(path: Path) -> list[int]:
    """The programs that name this file, or something in this folder, as an argument of theirs."""
    return [number for number in _numbers() if number != os.getpid() and _names(number, os.fsencode(path))]


def kill(machine: Machine, numbers: Iterable[int]) -> None:
    """End programs without asking."""
    for number in numbers:
        _signal(machine, number, signal.SIGKILL)


def _numbers() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _names(number: int, path: bytes) -> bool:
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(word == path or word.startswith(path + b"/") for word in words)


def _number(machine: Machine, name: str) -> int | None:
    try:
        number = int((machine.run / f"{name}.pid").read_text())
        words = Path(f"/proc/{number}/cmdline").read_bytes()
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return None
    ours = (os.fsencode(machine.run), os.fsencode(machine.sockets))
    return number if any(folder in words for folder in ours) else None


def _signal(machine: Machine, number: int, which: signal.Signals) -> None:
    try:
        os.kill(number, which)
    except ProcessLookupError:
        return
    except PermissionError:
        machine.as_root(["kill", f"-{which.value}", str(number)])
