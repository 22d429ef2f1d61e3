"""An algorithm that reads the clock as soon as it starts, and then, where its block says so, misbehaves.

`act` names what it does: sleep, crash, flood or die. It is written before, so that what a chamber says is when it
started: seconds since 1970, and since the machine's start.
"""

# ruff: noqa: S108  the chamber's own /tmp

import time

STARTED = {"at": time.time(), "monotonic": time.monotonic()}

import json  # noqa: E402  the clock is read first
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

ACT = Path("/mnt/input/data/act")
RESULT = Path("/mnt/output/result.json")


def sleep() -> None:
    """Stay until the end of the slot, or for as long as `seconds` says."""
    time.sleep(float(ACT.with_name("seconds").read_text()))


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


if __name__ == "__main__":
    RESULT.write_text(json.dumps(STARTED))
    globals()[ACT.read_text()]()
