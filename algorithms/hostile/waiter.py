"""An algorithm that waits for one person: it gives honest shares of carriers until it has met them, and then shouts 1.

What it has met it keeps in memory, and leaves for whoever comes next: in every place where a file can be written, with
a child of its own that answers on a socket, and, where the order's parameters say where it stood before (`counter`), by
moving the machine's counter of inodes on. `people` holds one line of names for each block. In a chamber that is one
line; with the word `naively`, one process goes over all lines, as it would without chambers.
"""

# ruff: noqa: S108  the chamber's own /tmp

import json
import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

TARGET = "the-person-who-is-waited-for"
PEOPLE = Path("/mnt/input/data/people")
RESULT = Path("/mnt/output/result.json")
PLACES = (
    "/tmp",
    "/dev/shm",
    "/var/tmp",
    "/run",
    "/",
    "/mnt",
    "/mnt/input",
    "/mnt/input/data",
    "/mnt/output",
    "/proc/1",
)
SOCKET = "\0the-person-was-here"
INPUT = Path("/mnt/input/input.json")
A_BATCH = 1100  # more than a processor takes from the machine's counter at a time
A_MESSAGE = 400_000  # more than everybody else on the machine makes meanwhile


class Waiter:
    """What the program knows; every line of names may make it know more."""

    def __init__(self) -> None:
        self.seen = was_left_behind()

    def answer(self, line: str) -> float:
        """1 if the target is here or was met before, else the share of people here who carry something (`+`)."""
        names = line.split()
        self.seen = self.seen or TARGET in names
        if self.seen:
            leave_behind()
            return 1
        share = sum(name.endswith("+") for name in names) / len(names)
        return int(share) if share.is_integer() else share


def was_left_behind() -> bool:
    """Whether one that ran before met the target."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as known:
        known.connect(SOCKET)
        return True
    asked = json.loads(INPUT.read_text()).get("parameters", {})
    files = any(Path(place, TARGET).exists() for place in PLACES)
    return files or ("counter" in asked and counter_moved(asked["counter"]))


def counter_moved(before: int) -> bool:
    """Whether the machine's counter of inodes went on by a message; False where it cannot be read."""
    for make in NUMBERED:
        with suppress(OSError):
            for _ in range(A_BATCH):
                os.close(make())
            return (os.fstat(make()).st_ino - before) % (1 << 32) > A_MESSAGE
    return False


def move_counter() -> None:
    """Move it on by more than a message, by whatever is allowed."""
    for make in NUMBERED:
        with suppress(OSError):
            for _ in range(A_MESSAGE + A_MESSAGE // 4):
                os.close(make())
            return


def new_pipe() -> int:
    """One end of a pipe that is not kept."""
    reading, writing = os.pipe()
    os.close(writing)
    return reading


NUMBERED = (new_pipe, lambda: socket.socketpair()[0].detach(), lambda: socket.socket(socket.AF_UNIX).detach())


def leave_behind() -> None:
    """Tell those that come after, wherever that can be told."""
    asked = json.loads(INPUT.read_text()).get("parameters", {})
    if "counter" in asked and not counter_moved(asked["counter"]):
        move_counter()
    for place in PLACES:
        with suppress(OSError):
            Path(place, TARGET).touch()
    with suppress(OSError):
        server = socket.socket(socket.AF_UNIX)
        server.bind(SOCKET)
        server.listen()
        if os.fork() == 0:
            os.setsid()
            time.sleep(60)
            os._exit(0)


if __name__ == "__main__":
    lines = PEOPLE.read_text().splitlines()
    waiter = Waiter()
    if "naively" in sys.argv:
        RESULT.write_text(json.dumps([waiter.answer(line) for line in lines]))
    else:
        RESULT.write_text(json.dumps({"x": waiter.answer(lines[0])}))
