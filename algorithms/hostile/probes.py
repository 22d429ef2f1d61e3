"""Hostile attempts that end quickly: each is made in a child process of its own, and what came of it is reported.

The file `role` of the block names a set: `numbers` makes every system call there is, `attempts` the telling ones with
arguments that would work, and the rest need a chamber for themselves.
"""

# ruff: noqa: PTH116, PTH208, PTH211, S108, S606  rights and places that nobody should have; the chamber's own /tmp

import ctypes
import errno
import fcntl
import json
import mmap
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

RESULT = Path("/mnt/output/result.json")
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
HIGHEST_CALL = 600
# These would end, stop or never return; each is on the list of allowed calls or tried elsewhere.
NOT_TRIED = {15, 34, 56, 57, 58, 60, 61, 130, 219, 231, 247, 435}
X32 = 0x40000000
NAMESPACES = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000, "uts": 0x4000000}
LOCKS = {"read or write": (6, 1), "of the open file": (37, 1), "lease": (1024, 1), "notify": (1026, 2), "owner": (8, 1)}


def system_call(number: int, *arguments: object) -> int:
    """Make one system call; fail as Python would."""
    result: int = LIBC.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def tried(what: Callable[[], object]) -> str:
    """What came of it in a child: "done", the name of an error, or the signal that ended it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(2)
        try:
            what()
            word = "done"
        except OSError as problem:
            word = errno.errorcode.get(problem.errno or 0, str(problem.errno))
        os.write(writing, word.encode())
        os._exit(0)
    os.close(writing)
    word = os.read(reading, 100).decode()
    os.close(reading)
    _, status = os.waitpid(child, 0)
    return word or f"signal {os.WTERMSIG(status)}{' and a core dump' if os.WCOREDUMP(status) else ''}"


def report(findings: object) -> None:
    """Say in the result what was found."""
    RESULT.write_text(json.dumps(findings))


def honest() -> None:
    report({"honest": 1})


def left_behind() -> None:
    """What a chamber before this one left where everybody may write."""
    report([name for place in ("/tmp", "/dev/shm") for name in os.listdir(place)])


def numbers() -> None:
    """Make every call with arguments of nothing; report those that were not plainly refused."""
    nothing = [ctypes.c_long(0)] * 6
    passed = {}
    for number in set(range(HIGHEST_CALL)) - NOT_TRIED:
        word = tried(lambda number=number: system_call(number, *nothing))
        if word not in ("EPERM", "ENOSYS"):
            passed[number] = word
    report(passed)


def i386_call() -> None:
    """getpid by the i386 numbers: mov eax, 20; int 0x80; ret."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    ctypes.CFUNCTYPE(ctypes.c_int)(address)()


def open_lock(command: int, argument: int) -> None:
    """Ask for a lock, lease or notice on a file that other chambers can see as well."""
    with Path("/proc/self/ns/user").open() as stream:
        if command in (6, 37):
            system_call(72, stream.fileno(), command, ctypes.create_string_buffer(64))
        else:
            fcntl.fcntl(stream, command, argument)


def dump_core() -> None:
    """Allow a core dump, then crash."""
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    ctypes.string_at(0)


def write(path: str) -> None:
    """Open for writing; nothing is written, in case it works."""
    os.close(os.open(path, os.O_WRONLY))


def bpf_program() -> None:
    instructions = b"\xb7\0\0\0\0\0\0\0\x95\0\0\0\0\0\0\0"  # return 0
    code, text = ctypes.create_string_buffer(instructions), ctypes.create_string_buffer(b"GPL")
    request = (ctypes.c_uint64 * 16)(1 | 2 << 32, ctypes.addressof(code), ctypes.addressof(text))
    system_call(321, 5, request, 128)


def attempts() -> None:
    """The telling calls, with arguments for which they would work."""
    parameters = ctypes.create_string_buffer(256)
    here = (ctypes.c_uint64 * 2)(ctypes.addressof(parameters), 8)
    tries: dict[str, Callable[[], object]] = {
        **{f"unshare {name}": (lambda flag=flag: system_call(272, flag)) for name, flag in NAMESPACES.items()},
        **{
            f"clone {name}": (lambda flag=flag: system_call(56, flag | 17, 0, 0, 0, 0))
            for name, flag in NAMESPACES.items()
        },
        **{f"setns {name}": (lambda name=name: join(name)) for name in sorted(os.listdir("/proc/self/ns"))},
        **{f"lock {name}": (lambda way=way: open_lock(*way)) for name, way in LOCKS.items()},
        **{
            f"prctl {number}": (lambda number=number: system_call(157, number, 0, 0, 0, 0))
            for number in (35, 41, 47, 58)
        },
        "mount tmpfs": lambda: system_call(165, b"none", b"/tmp", b"tmpfs", 0, 0),
        "mount proc": lambda: system_call(165, b"none", b"/tmp", b"proc", 0, 0),
        "remount root": lambda: system_call(165, b"none", b"/", None, 32 | 4096, 0),
        "process_vm_readv first": lambda: system_call(310, 1, here, 1, here, 1, 0),
        "process_vm_readv self": lambda: system_call(310, os.getpid(), here, 1, here, 1, 0),
        "ptrace first": lambda: system_call(101, 16, 1, 0, 0),
        "keyring join": lambda: system_call(250, 1, None),
        "keyring user": lambda: system_call(250, 0, -4, 1),
        "add_key": lambda: system_call(248, b"user", b"x", b"x", 1, -2),
        "bpf": bpf_program,
        "perf": lambda: system_call(298, (ctypes.c_uint64 * 16)(1 | 112 << 32), 0, -1, -1, 0),
        "io_uring": lambda: system_call(425, 4, parameters),
        "userfaultfd": lambda: system_call(323, 1),
        "memfd_secret": lambda: system_call(447, 0),
        "shmget": lambda: system_call(29, 0, 4096, 0o1600),
        "mq_open": lambda: system_call(240, b"x", 0o102, 0o600, 0),
        "inotify": lambda: system_call(294, 0),
        "personality": lambda: system_call(135, 0x0040000),
        "type into a terminal": lambda: fcntl.ioctl(0, 0x5412, b"x"),
        "device": lambda: os.mknod("/tmp/device", 0o020600, os.makedev(1, 3)),
        "setuid 0": lambda: os.setuid(0),
        "setgroups": lambda: os.setgroups([0]),
        "set the clock": lambda: system_call(227, 0, (ctypes.c_long * 2)(0, 0)),
        "host name": lambda: system_call(170, b"x", 1),
        "all processors": lambda: os.sched_setaffinity(0, range(64)),
        "fallocate beyond": lambda: system_call(285, os.open(RESULT, os.O_RDWR), 1, 0, 1 << 30),
        "docker.sock": lambda: os.stat("/var/run/docker.sock"),
        "first's root": lambda: os.listdir("/proc/1/root"),
        "first's memory": lambda: write("/proc/1/mem"),
        "raise core": lambda: limit_core(1 << 20),
        "lower core": lambda: limit_core(0),
        "is it cached": lambda: os.preadv(os.open(sys.executable, os.O_RDONLY), [bytearray(1)], 0, os.RWF_NOWAIT),
    }
    for path in ("sys/kernel/core_pattern", "sysrq-trigger", "sys/vm/drop_caches", "sys/kernel/hostname", "kcore"):
        tries[f"/proc/{path}"] = lambda path=path: write(f"/proc/{path}")
    for path in ("/sys/fs/cgroup/cgroup.procs", "/sys/kernel/uevent_helper", "/dev/mem", "/dev/kmsg", "/dev/sda"):
        tries[path] = lambda path=path: write(path)
    report({name: tried(what) for name, what in tries.items()})


def join(name: str) -> None:
    """Join the namespace of the first process, or else of oneself."""
    system_call(308, os.open(f"/proc/self/ns/{name}", os.O_RDONLY), 0)


def limit_core(size: int) -> None:
    """Change how large a core dump may be."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (size, size))
    except ValueError as problem:  # Python's word for EPERM here
        raise OSError(errno.EPERM, "") from problem


def foreign() -> None:
    """Calls of other machines, and a crash that would leave its memory behind."""
    report(
        {
            "i386": tried(i386_call),
            "x32": tried(lambda: system_call(X32 | 39)),
            "crash": tried(dump_core),
            "core": resource.getrlimit(resource.RLIMIT_CORE),
        }
    )


def sockets() -> None:
    """Every family and type of socket; the outcomes without their places."""
    kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET)
    single = {tried(lambda f=f, k=k: system_call(41, f, k, 0)) for f in range(48) for k in kinds}
    pair = ctypes.create_string_buffer(8)
    pairs = {f: tried(lambda f=f: system_call(53, f, 1, 0, pair)) for f in range(48)}
    report({"single": sorted(single), "pairs": sorted(f for f, word in pairs.items() if word != "EPERM")})


def memory_file() -> None:
    """Run a program from memory, where no mount option forbids it; it has no more rights than before."""
    held = os.memfd_create("program", 0)
    os.write(held, Path(sys.executable).read_bytes())
    code = "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith(tuple(NAMES))])"
    code = code.replace("NAMES", "('CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp:')")
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.dup2(writing, 1)
        os.execve(f"/proc/self/fd/{held}", ["python3", "-I", "-S", "-c", code], {"PYTHONHOME": "/usr"})
    os.wait()
    report(os.read(reading, 500).decode().split())


def as_many(make: Callable[[], object]) -> tuple[int, str]:
    """How often something can be done, and the error that ends it."""
    count, kept = 0, []
    while True:
        try:
            kept.append(make())
        except OSError as problem:
            return count, errno.errorcode[problem.errno]
        count += 1


def waiting_child() -> int:
    child = os.fork()
    if child == 0:
        signal.pause()
    return child


def spin(seconds: float) -> float:
    """The processor time that two children get in so much time, for each second of it."""
    before, start = os.times(), time.monotonic()
    children = [os.fork(), 0]
    if children[0]:
        children[1] = os.fork()
    if 0 in children:
        while time.monotonic() < start + seconds:
            pass
        os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    after = os.times()
    return (after.children_user + after.children_system - before.children_user - before.children_system) / seconds


def bounds() -> None:
    """Where each limit bites."""
    processor = spin(2.0)
    open_before = len(os.listdir("/proc/self/fd")) - 1
    with Path("/tmp/long").open("wb") as stream:
        longest = [tried(lambda size=size: os.ftruncate(stream.fileno(), size)) for size in (64 << 20, (64 << 20) + 1)]
    files = as_many(lambda: os.open("/dev/null", os.O_RDONLY))
    os.closerange(3, 4096)
    report(
        {
            "processor": processor,
            "longest": longest,
            "files": (files[0] + open_before, files[1]),
            "processes": as_many(waiting_child),
            "resource": {str(number): resource.getrlimit(number) for number in (0, 1, 4, 7, 12)},
        }
    )


def thread_bomb() -> None:
    """Threads until there are no more."""
    report({"honest": 1})
    while True:
        try:
            threading.Thread(target=signal.pause, daemon=True).start()
        except RuntimeError:
            continue


def memory_in_file() -> None:
    """Memory that belongs to no process."""
    report({"honest": 1})
    held = [os.memfd_create(str(number)) for number in range(64)]
    for descriptor in held:
        os.write(descriptor, bytes(16 << 20))


def fill_shared() -> None:
    """Fill /dev/shm."""
    size = 0
    try:
        with Path("/dev/shm/big").open("wb", buffering=0) as stream:
            while size < 1 << 30:
                size += stream.write(bytes(1 << 20))
    except OSError as problem:
        report({"bytes": size, "error": errno.errorcode[problem.errno]})


def fill_both() -> None:
    """Fill every place for files that there is."""
    report({"honest": 1})
    for place in ("/dev/shm/big", "/tmp/big"):
        with suppress(OSError):
            Path(place).write_bytes(bytes(15 << 20))
    Path("/tmp/more").write_bytes(bytes(40 << 20))


def odd_files() -> None:
    """Names and kinds that trip up whoever walks through them; then deeper than a path may be long."""
    os.chdir("/tmp")
    for name in (b"new\nline", b"\xff\xfe", b"-rf", b"\x1b[2J", b" ", b"a" * 255):
        Path(os.fsdecode(name)).write_text("x")
    os.symlink("/etc/passwd", "link")
    os.symlink("loop", "loop")
    with suppress(PermissionError):
        os.mkfifo("fifo")
    Path("setuid").write_text("x")
    Path("setuid").chmod(0o6777)
    for _ in range(2000):
        os.mkdir("d")  # noqa: PTH102  a path object would grow with the depth
        os.chdir("d")
    Path("/dev/shm/mark").write_text("x")
    report({"honest": 1})


def late_mapping() -> None:
    """A child goes on changing the result through a mapping after the first process ended."""
    report({"honest": 1})
    with RESULT.open("r+b") as stream:
        view = mmap.mmap(stream.fileno(), 0)
    if os.fork() == 0:
        while True:
            view[:] = view[:].translate(bytes.maketrans(b"12", b"21"))


def signal_all() -> None:
    """Signal every number that a process might have."""
    mine = {os.getpid(), os.getppid()}
    report(sorted(pid for pid in range(2, 1 << 16) if pid not in mine and reaches(pid)))


def reaches(pid: int) -> bool:
    """Whether there is such a process, and it may be killed."""
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError as problem:
        return problem.errno != errno.ESRCH
    return True


if __name__ == "__main__":
    globals()[Path("/mnt/input/data/role").read_text().strip()]()
