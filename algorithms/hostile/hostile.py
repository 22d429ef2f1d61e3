"""An algorithm that means harm: the file `role` of its block says what to try.

Roles either report what they could do, as JSON in the result file, or do their worst and see whether it is contained.
`honest` is the control: what its neighbours do must not change what it yields.
"""

# ruff: noqa: PTH115, PTH208, S108, SIM115  names as the kernel lists them; the chamber's own /tmp; open to see if one may

import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

DATA = Path("/mnt/input/data")
RESULT = Path("/mnt/output/result.json")
LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_TRACEME = 0
CALLS = {  # x86-64 numbers of calls that reach other chambers, the host or much of the kernel
    "ptrace": 101,
    "unshare": 272,
    "setns": 308,
    "mount": 165,
    "umount2": 166,
    "pivot_root": 155,
    "chroot": 161,
    "bpf": 321,
    "perf_event_open": 298,
    "io_uring_setup": 425,
    "userfaultfd": 323,
    "keyctl": 250,
    "add_key": 248,
    "request_key": 249,
    "process_vm_readv": 310,
    "kcmp": 312,
    "pidfd_getfd": 438,
    "sysinfo": 99,
    "statfs": 137,
    "fstatfs": 138,
    "mincore": 27,
    "flock": 73,
    "inotify_init1": 294,
    "shmget": 29,
    "msgget": 68,
    "semget": 64,
    "mq_open": 240,
    "seccomp": 317,
    "memfd_secret": 447,
    "name_to_handle_at": 303,
    "mknodat": 259,
    "fchownat": 260,
    "setxattr": 188,
    "execveat": 322,
    "splice": 275,
    "swapon": 167,
    "syslog": 103,
    "reboot": 169,
    "clone3": 435,
}


def attempt(what: Callable[[], object]) -> str:
    """What came of it: "done", or the name of the error."""
    try:
        what()
    except OSError as problem:
        return errno.errorcode.get(problem.errno or 0, str(problem))
    return "done"


def report(findings: object) -> None:
    """Say in the result what was found."""
    RESULT.write_text(json.dumps(findings))


def system_call(number: int, *arguments: int) -> None:
    """Make one system call; fail as Python would."""
    if LIBC.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")


def honest() -> None:
    report({"honest": 1})


def slow() -> None:
    time.sleep(2)
    honest()


def block() -> None:
    """Report the whole input: what this chamber may see."""
    files = {path.name: path.read_text() for path in sorted(DATA.iterdir())}
    report({"input": json.loads(Path("/mnt/input/input.json").read_text()), "files": files})


def silent() -> None:
    """Yield nothing."""


def fails() -> None:
    honest()
    sys.exit(3)


def dies() -> None:
    honest()
    os.kill(os.getpid(), signal.SIGKILL)


def fork_bomb() -> None:
    """Double until nothing doubles any more."""
    honest()
    while True:
        attempt(os.fork)


def fork_bomb_and_leave() -> None:
    """Leave a bomb behind and end well."""
    if os.fork() == 0:
        fork_bomb()
    honest()


def take_memory() -> None:
    """Touch page after page."""
    taken = []
    while True:
        page = mmap.mmap(-1, 16 << 20)
        page.write(b"x" * len(page))
        taken.append(page)


def memory_bomb() -> None:
    honest()
    take_memory()


def memory_bomb_in_child() -> None:
    """The child dies of it; the first process ends well."""
    child = os.fork()
    if child == 0:
        take_memory()
    os.waitpid(child, 0)
    honest()


def fill_tmp() -> None:
    """Fill /tmp with bytes, in many files since each has a limit of its own, then with empty files."""
    big, files = 0, 0
    try:
        while big < 1 << 30:
            with Path(f"/tmp/big{big}").open("wb", buffering=0) as stream:
                big += stream.write(bytes(1 << 20))
    except OSError as problem:
        bytes_error = errno.errorcode[problem.errno]
    for path in Path("/tmp").iterdir():
        path.unlink()
    try:
        while files < 1 << 20:
            Path(f"/tmp/{files}").touch()
            files += 1
    except OSError as problem:
        files_error = errno.errorcode[problem.errno]
    report({"bytes": big, "bytes_error": bytes_error, "files": files, "files_error": files_error})


def output_flood() -> None:
    with RESULT.open("wb") as stream:
        while True:
            stream.write(bytes(1 << 20))


def output_too_long() -> None:
    RESULT.write_bytes(b"1" * 100_000)


def output_sparse() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    descriptor = os.open(RESULT, os.O_RDWR)
    far = attempt(lambda: os.ftruncate(descriptor, 1 << 40))
    beyond = attempt(lambda: system_call(285, descriptor, 1, 0, 256 << 20))  # fallocate, FALLOC_FL_KEEP_SIZE
    whole = attempt(lambda: os.posix_fallocate(descriptor, 0, 256 << 20))
    os.ftruncate(descriptor, 0)
    os.write(descriptor, json.dumps({"truncate": far, "keep_size": beyond, "fallocate": whole}).encode())


def output_replaced() -> None:
    """Put something else in the result's place."""
    secret = Path("/etc/passwd")
    tries = {
        "unlink": lambda: RESULT.unlink(),
        "rename": lambda: RESULT.rename("/tmp/r"),
        "replace": lambda: (Path("/tmp/x").write_text("{}"), Path("/tmp/x").replace(RESULT)),
        "symlink": lambda: RESULT.symlink_to(secret),
        "hardlink": lambda: os.link(secret, RESULT),
        "link away": lambda: os.link(RESULT, "/tmp/l"),
        "sibling": lambda: RESULT.with_name("other").write_text("x"),
        "fifo": lambda: os.mkfifo(RESULT.with_name("fifo")),
        "chmod": lambda: RESULT.chmod(0o4777),
        "chown": lambda: os.chown(RESULT, 0, 0),
    }
    report({name: attempt(act) for name, act in tries.items()})


def streams() -> None:
    """Where could a flood of output go?"""
    own = {str(number): os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)}
    descriptors = sorted(int(name) for name in os.listdir("/proc/self/fd"))  # the last one is the listing's own
    report({"own": own, "count": len(descriptors), "first process": attempt(lambda: os.listdir("/proc/1/fd"))})


def flood_streams() -> None:
    honest()
    line = b"x" * 65536
    while True:
        os.write(1, line)
        os.write(2, line)


def never_ends() -> None:
    honest()
    time.sleep(3600)


def ignores_signals() -> None:
    for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
        attempt(lambda number=number: signal.signal(number, signal.SIG_IGN))
    honest()
    while True:
        time.sleep(1)


def daemon() -> None:
    """A grandchild in a session of its own writes when everybody thinks that it is over."""
    honest()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1)
            report({"late": 1})
            time.sleep(3600)
        os._exit(0)


def network() -> None:
    """Every family of sockets that this kernel might know, and what a connection comes to."""
    findings = {}
    for name in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG", "AF_KEY"):
        findings[name] = attempt(lambda name=name: socket.socket(getattr(socket, name), socket.SOCK_STREAM))
        if findings[name] in ("EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EINVAL"):
            findings[name] = attempt(lambda name=name: socket.socket(getattr(socket, name), socket.SOCK_RAW))
    pair = attempt(socket.socketpair)
    names = sorted(os.listdir("/sys/class/net")) if Path("/sys/class/net").exists() else []
    connected = {
        "address": attempt(lambda: socket.create_connection(("169.254.169.254", 80), timeout=1)),
        "name": attempt(lambda: socket.getaddrinfo("example.org", 80)),
        "resolver": Path("/etc/resolv.conf").read_text() if Path("/etc/resolv.conf").exists() else "",
    }
    report({"families": findings, "pair": pair, "interfaces": names, **connected})


def write_root() -> None:
    places = ("/x", "/etc/x", "/usr/x", "/mnt/x", "/mnt/input/x", "/mnt/input/data/x", "/sys/x", "/proc/sys/kernel/x")
    findings = {place: attempt(lambda place=place: Path(place).write_text("x")) for place in places}
    for place in ("/mnt/input/input.json", "/mnt/input/data/role", "/.chamber-init", "/hostile.py"):
        findings[place] = attempt(lambda place=place: Path(place).open("ab"))
    report(findings)


def environment() -> None:
    report(dict(os.environ))


def rights() -> None:
    """Who am I, and what may I do?"""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    limits = {name: os.sysconf("SC_OPEN_MAX") for name in ("files",)}
    kept = ("Uid", "Gid", "Groups", "CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
    report({**{name: status.get(name, "").split() for name in kept}, **limits, "pid 1": os.getppid()})


def calls() -> None:
    tried = {name: attempt(lambda number=number: system_call(number, 0, 0, 0, 0)) for name, number in CALLS.items()}
    report(tried)


def traced() -> None:
    """Ask to be traced and stop: an engine that believes in wait status alone takes the stop for an end."""
    traceme = attempt(lambda: system_call(CALLS["ptrace"], PTRACE_TRACEME, 0, 0, 0))
    report({"traceme": traceme})
    if traceme == "done":
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(3600)


def host() -> None:
    """What tells about the host."""
    names = ("meminfo", "stat", "loadavg", "cpuinfo", "cmdline", "version", "uptime", "locks", "vmstat", "interrupts")
    findings = {name: len(Path("/proc", name).read_bytes()) for name in names if Path("/proc", name).exists()}
    findings["sys"] = len(os.listdir("/sys"))
    findings["proc/sys"] = len(os.listdir("/proc/sys")) if Path("/proc/sys").exists() else 0
    findings["processes"] = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    findings["host name"] = os.uname().nodename
    report(findings)


def neighbours() -> None:
    """Read everything that can be read, and look for other chambers' blocks."""
    found = []
    for top in ("/mnt", "/tmp", "/dev/shm", "/proc/1/root/mnt", "/proc/1/cwd", "/run", "/var"):
        for folder, _, files in os.walk(top):
            found += [str(Path(folder, name)) for name in files]
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    report({"files": sorted(found), "binds": sorted(line[4] for line in mounts if line[4].startswith("/mnt"))})


def signals() -> None:
    """Send signals to everybody."""
    report({"all": attempt(lambda: os.kill(-1, 0)), "first": attempt(lambda: os.kill(1, signal.SIGKILL)), "alive": 1})


def stack() -> None:
    """What honest programs need: numpy, a pool of processes, threads, asyncio, a child, temporary files."""
    import asyncio
    import multiprocessing
    import subprocess
    import tempfile
    import threading

    import numpy

    with multiprocessing.Pool(2) as pool:
        squares = pool.map(abs, [-1, -2, -3])
    thread = threading.Thread(target=squares.sort)
    thread.start()
    thread.join()
    slept = asyncio.run(asyncio.sleep(0.01, "slept"))
    child = subprocess.run([sys.executable, "-c", "print(7)"], capture_output=True, check=True).stdout.decode().strip()
    with tempfile.TemporaryFile() as stream:
        numpy.save(stream, numpy.arange(3))
        stream.seek(0)
        total = int(numpy.load(stream).sum())
    singular = float(numpy.linalg.svd(numpy.eye(20))[1].sum())
    report({"pool": squares, "asyncio": slept, "child": child, "file": total, "svd": singular})


if __name__ == "__main__":
    globals()[(DATA / "role").read_text().strip()]()
