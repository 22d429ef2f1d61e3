"""What a demo or a node leaves behind when it is killed: programs that run on, and memory that they had filled.

A program is ours when one of its arguments lies below this checkout's `.run`. A node keeps what runs on tmpfs, in a
folder named after the digest of its own (`sandbox/settings.py`).
"""

import contextlib
import hashlib
import os
import shutil
import signal
import time
from pathlib import Path

import daemons
from machine import Machine, say

MEMORY = Path("/dev/shm")  # noqa: S108  the nodes' own folders in it, by name
GRACE_SECONDS = 10


def remove(machine: Machine) -> None:
    """End what runs on and free its memory. Call it while the engine lives: nodes remove their own containers."""
    numbers = daemons.naming(machine.run / "demo")
    if numbers:
        say("programs", f"ending {len(numbers)} that an interrupted demo left running")
    for how in (signal.SIGTERM, signal.SIGKILL):
        for number in numbers:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(number, how)
        numbers = _wait(numbers)
    for settings in machine.run.glob("demo/**/node.toml"):
        digest = hashlib.sha256(os.fsencode(settings.parent.absolute())).hexdigest()
        shutil.rmtree(MEMORY / f"safeconduct-{digest[:16]}", ignore_errors=True)


def _wait(numbers: list[int]) -> list[int]:
    """Return those that still run after a while."""
    until = time.monotonic() + GRACE_SECONDS
    while numbers and time.monotonic() < until:
        time.sleep(0.1)
        numbers = [number for number in numbers if _runs(number)]
    return numbers


def _runs(number: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
