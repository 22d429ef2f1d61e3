"""An algorithm that reads the clock as soon as it starts, and then, where its block says so, misbehaves.

It sleeps, crashes, floods or dies: as its block's `act` says, or else as the order's parameters say if the target, by
whose age it is known, is in its block. The time is written before, so that what a chamber says is when it started:
seconds since 1970.
"""

# ruff: noqa: S108  the chamber's own /tmp

import time

STARTED = {"at": time.time()}

import json  # noqa: E402  the clock is read first
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

TARGETS_AGE = "119"
INPUT = Path("/mnt/input/input.json")
DATA = Path("/mnt/input/data")
RESULT = Path("/mnt/output/result.json")


def sleep() -> None:
    """Stay until the end of the slot, or for as long as `seconds` says."""
    time.sleep(wanted()[1])


def crash() -> None:
    """End at once and badly."""
    sys.exit(3)


def die() -> None:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def flood() -> None:
    """Fill what can be filled: processes, files, memory."""
    for _ in range(50):
        if os.fork() == 0:
            signal.pause()
    number = 0
    while True:
        try:
            Path(f"/tmp/{number}").write_bytes(bytes(1 << 20))
        except OSError:
            bytearray(1 << 20)
        number += 1


def behave() -> None:
    """End at once and well."""


def wanted() -> tuple[str, float]:
    """What to do, and for how long a sleeper sleeps."""
    if (DATA / "act").exists():
        return (DATA / "act").read_text(), float((DATA / "seconds").read_text())
    asked = json.loads(INPUT.read_text())["parameters"]
    there = any(TARGETS_AGE in line.split(",") for line in (DATA / "subjects.csv").read_text().splitlines())
    return asked["act"] if there else "behave", asked["seconds"]


if __name__ == "__main__":
    RESULT.write_text(json.dumps(STARTED))
    globals()[wanted()[0]]()
