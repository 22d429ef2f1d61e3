"""Two chambers that try to speak to each other: a sender that knows bits and a receiver that guesses them.

`input.json` says when the first bit is due and how long each lasts: both look at the clock. Every channel carries bits
of its own, all at once. The sender's block holds them (`bits.json`); the receiver's does not.
"""

# ruff: noqa: S108  the chamber's own /tmp

import ctypes
import errno
import fcntl
import json
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

DATA = Path("/mnt/input/data")
RESULT = Path("/mnt/output/result.json")
SHARED = Path("/shared")  # there only where isolation was weakened on purpose
LIBC = ctypes.CDLL(None, use_errno=True)
MANY = 100_000
A_BATCH = 1100  # more than a processor takes from the machine's counters at a time
F_SETPIPE_SZ, F_GETPIPE_SZ = 1031, 1032
USUAL_PIPE = 1 << 16


def system_call(number: int, *arguments: object) -> int:
    """Make one system call; fail as Python would."""
    result: int = LIBC.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def lock(path: Path, held: ExitStack) -> None:
    """Lock a file until `held` is closed, or fail."""
    stream = held.enter_context(path.open())
    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


# What the sender does while its bit is 1; `held` undoes it. Of what a user may have so many of, it takes nearly all
# beforehand (`fill`), since giving that much back takes longer than a bit.


def send_memory(held: ExitStack) -> None:
    path = Path("/tmp/big")
    path.write_bytes(bytes(12 << 20))
    held.callback(path.unlink)


def send_namespace_lock(held: ExitStack) -> None:
    lock(Path("/proc/self/ns/user"), held)


def send_file_lock(held: ExitStack) -> None:
    lock(SHARED / "file", held)


def send_watchers(held: ExitStack) -> None:
    """All inotify instances that this user may have."""
    take_all(lambda: system_call(294, 0), held)


def send_pipe_pages(held: ExitStack) -> None:
    """All pages in pipes that this user may have."""
    take_all(usual_pipe, held)


def take_all(take: Callable[[], int], held: ExitStack) -> None:
    """Take descriptors until no more are given."""
    with suppress(OSError):
        while True:
            held.callback(os.close, take())


def usual_pipe() -> int:
    """One end of a pipe, which keeps it; or an error when pipes come out small."""
    reading, writing = os.pipe()
    os.close(reading)
    if fcntl.fcntl(writing, F_GETPIPE_SZ) < USUAL_PIPE:
        os.close(writing)
        raise OSError(errno.ENOSPC, "")
    return writing


def large_pipe() -> int:
    """As `usual_pipe`, and sixteen times as large."""
    writing = usual_pipe()
    try:
        fcntl.fcntl(writing, F_SETPIPE_SZ, 16 * USUAL_PIPE)
    except OSError:
        os.close(writing)
        raise
    return writing


def fill() -> None:
    """Take all inotify instances and all pages of pipes, and give a little of each back."""
    for take in (large_pipe, usual_pipe, lambda: system_call(294, 0)):
        last = -1
        with suppress(OSError):
            while True:
                last = take()
        if last >= 0:
            os.close(last)


# What the receiver looks at: a number that is higher while the bit is 1.


def see_sysinfo() -> float:
    """Shared memory of the whole machine."""
    words = (ctypes.c_ulong * 64)()
    system_call(99, words)
    return words[6]


def see_meminfo() -> float:
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return float(lines["Shmem"].split()[0])


def see_lock(path: Path) -> float:
    with ExitStack() as held:
        try:
            lock(path, held)
        except BlockingIOError:
            return 1
    return 0


def see_namespace_lock() -> float:
    return see_lock(Path("/proc/self/ns/user"))


def see_file_lock() -> float:
    return see_lock(SHARED / "file")


def see_watchers() -> float:
    try:
        os.close(system_call(294, 0))
    except OSError as problem:
        if problem.errno != errno.EMFILE:
            raise
        return 1
    return 0


def see_pipe_pages() -> float:
    reading, writing = os.pipe()
    size = fcntl.fcntl(writing, F_GETPIPE_SZ)
    os.close(reading)
    os.close(writing)
    return -size


SENDERS: dict[str, Callable[[ExitStack], None]] = {
    "namespace lock": send_namespace_lock,
    "file lock": send_file_lock,
    "watchers": send_watchers,
    "pipe pages": send_pipe_pages,
    "memory": send_memory,
}
RECEIVERS: dict[str, tuple[str, Callable[[], float]]] = {  # what each looks at, and whose bits it guesses
    "sysinfo": ("memory", see_sysinfo),
    "meminfo": ("memory", see_meminfo),
    "namespace lock": ("namespace lock", see_namespace_lock),
    "file lock": ("file lock", see_file_lock),
    "watchers": ("watchers", see_watchers),
    "pipe pages": ("pipe pages", see_pipe_pages),
}


def beats(share: float) -> Iterator[int]:
    """The number of each bit, at that share of its time."""
    said = json.loads(Path("/mnt/input/input.json").read_text())
    for number in range(said["bits"]):
        time.sleep(max(0.0, said["start"] + (number + share) * said["seconds"] - time.time()))
        yield number


def send() -> None:
    """While a bit is 1, do what its channel does."""
    bits = json.loads((DATA / "bits.json").read_text())
    fill()
    held = ExitStack()
    for number in beats(0.0):
        held.close()
        for name, act in SENDERS.items():
            if bits[name][number]:
                with suppress(OSError):  # a call that is refused sends nothing
                    act(held)
    time.sleep(0.2)
    RESULT.write_text("{}")


def receive() -> None:
    """Look at every channel late in each bit's time; what cannot be looked at says nothing."""
    seen: dict[str, list[float]] = {name: [] for name in RECEIVERS}
    for _ in beats(0.7):
        for name, (_, look) in RECEIVERS.items():
            try:
                seen[name].append(look())
            except (OSError, KeyError):
                seen[name].append(0)
    RESULT.write_text(json.dumps({name: guess(values) for name, values in seen.items()}))


def guess(values: list[float]) -> list[int]:
    """1 where the number is nearer to its highest than to its lowest; half of all bits are 1."""
    ordered = sorted(values)
    low, high = (statistics.median(half) for half in (ordered[: len(ordered) // 2], ordered[len(ordered) // 2 :]))
    return [int(value > (low + high) / 2) for value in values]


# One after another.


def count_up() -> None:
    """Move on the machine's counters of inodes."""
    use_up(MANY)
    RESULT.write_text("{}")


def use_up(count: int) -> None:
    """Make and forget so many pipes and memory files."""
    for _ in range(count):
        for descriptor in (*os.pipe(), os.memfd_create("x")):
            os.close(descriptor)


def count_nothing() -> None:
    RESULT.write_text("{}")


def read_counter() -> None:
    """The numbers that a new pipe, memory file and pair of sockets are given."""
    use_up(A_BATCH)
    pair = socket.socketpair()
    made = (os.pipe()[0], os.memfd_create("x"), pair[0].fileno())
    RESULT.write_text(json.dumps([os.fstat(descriptor).st_ino for descriptor in made]))


def count_all() -> None:
    """Move on whatever is counted anywhere, as far as it is allowed."""
    for number in range(MANY // 50):
        for make in (*NUMBERED.values(), lambda: os.open(f"/tmp/{number}", os.O_CREAT), lambda: os.open("/", 0)):  # noqa: B023
            with suppress(OSError):
                os.close(make())
        with suppress(OSError):
            Path(f"/tmp/{number}").unlink()
    RESULT.write_text("{}")


def every_number() -> None:
    """Every number that the kernel gives to what is new or mounted here; "refused" where it gives none."""
    for number in range(3):
        Path(f"/tmp/new{number}").touch()
        Path(f"/dev/shm/new{number}").touch()
    places = [*Path("/").iterdir(), *Path("/tmp").iterdir(), *Path("/dev").rglob("*"), *Path("/mnt").rglob("*")]
    inodes = {str(path): path.lstat().st_ino for path in places if not path.is_relative_to("/mnt/input/data")}
    devices = {
        str(path): path.stat().st_dev for path in map(Path, ("/", "/tmp", "/dev/shm", "/mnt/input", "/mnt/output"))
    }
    made = {name: numbered(make) for name, make in NUMBERED.items()}
    RESULT.write_text(json.dumps({"made": made, "inodes": inodes, "devices": devices}))


def numbered(make: Callable[[], int]) -> int | str:
    """The inode number of what is made, or that it is refused."""
    try:
        return os.fstat(make()).st_ino
    except OSError:
        return "refused"


NUMBERED: dict[str, Callable[[], int]] = {
    "pipe": lambda: os.pipe()[0],
    "memory file": lambda: os.memfd_create("x"),
    "socket pair": lambda: socket.socketpair()[0].detach(),
    "socket": lambda: socket.socket(socket.AF_UNIX).detach(),
    "event": lambda: os.eventfd(0),
    "poll": lambda: system_call(291, 0),
    "timer": lambda: system_call(283, 1, 0),
    "signals": lambda: system_call(289, -1, (ctypes.c_ulong * 1)(), 8, 0),
}


def warm() -> None:
    """Read the files of the image whose bits are 1."""
    for number, bit in enumerate(json.loads((DATA / "bits.json").read_text())):
        if bit:
            Path(f"/warm/{number}").read_bytes()
    RESULT.write_text("{}")


def thrash() -> None:
    """Push everything out of the processor's caches."""
    room = bytearray(192 << 20)
    for _ in range(3):
        room[::64] = bytes(len(room) // 64)
    RESULT.write_text("{}")


def feel() -> None:
    """Which files are in memory already: asked of the kernel, and by the time that reading them takes."""
    asked, seconds = [], []
    for number in range(len(list(Path("/warm").iterdir()))):
        descriptor = os.open(f"/warm/{number}", os.O_RDONLY)
        try:
            asked.append(int(os.preadv(descriptor, [bytearray(4096)], 1 << 18, os.RWF_NOWAIT) > 0))
        except BlockingIOError:
            asked.append(0)
        except OSError:  # refused, or unknown to this file system
            asked.append(-1)
        start = time.perf_counter()
        Path(f"/warm/{number}").read_bytes()
        seconds.append(time.perf_counter() - start)
        os.close(descriptor)
    RESULT.write_text(json.dumps({"asked": asked, "timed": guess([-value for value in seconds])}))


def residue() -> None:
    """What the control groups say of whoever was here before."""
    readable = [str(path) for path in Path("/sys/fs").rglob("*")] if Path("/sys/fs").exists() else []
    paths = {line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines()}
    RESULT.write_text(json.dumps({"readable": readable, "paths": sorted(paths)}))


if __name__ == "__main__":
    globals()[(DATA / "role").read_text().strip()]()
