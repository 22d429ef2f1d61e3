"""The system calls that a chamber may make: the commented list from which ``policies/seccomp.json`` is generated.

Write the files with ``python -m sandbox.chambers.seccomp standard > policies/seccomp.json`` and
``… strict > policies/seccomp-strict.json``; a test compares them.

Rules:

1. What is not named here fails with EPERM. What a program may only ask in part is named with its arguments.
2. The list is for x86-64 calls. Others (i386, x32) kill the process: they have other numbers and other faults.
3. A call is left out when it reaches other chambers, the host, or much of the kernel, even if programs know it:
   sockets (AF_VSOCK and AF_ALG are not of any network namespace), ptrace and process_vm_* (a first process that is
   traced makes the engine report its end while it runs on), io_uring, bpf, perf, keyrings, userfaultfd, namespaces and
   mounts, System V and POSIX IPC, inotify, file locks (locks on ``/proc/self/ns/*`` are seen across containers),
   sysinfo and statfs (free memory and free blocks are the whole host's), mincore and cachestat (what others have read).
4. Profile ``strict`` leaves out what shows a counter of the whole machine: pipes, memory files and sockets get inode
   numbers from counters that every such call moves on (fstat reads them), and statx tells the numbers of mounts. A
   program that needs them (subprocesses with pipes, multiprocessing) does not run under it.
"""

import json
import sys
from collections.abc import Sequence

_FILES = """
    read readv pread64 preadv write writev pwrite64 pwritev lseek sendfile copy_file_range
    open openat creat close close_range dup dup2 dup3
    stat fstat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat getdents getdents64
    getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat
    chmod fchmod fchmodat truncate ftruncate fsync fdatasync fadvise64 umask utime utimes utimensat futimesat
    getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
"""
# runc looks at /proc through it after the filter is loaded; the launcher then takes it away (launcher.py, step 4).
_FOR_THE_OCI_RUNTIME = "fstatfs"
_MEMORY = "mmap munmap mremap mprotect madvise brk msync memfd_create membarrier"
_PROCESSES = """
    fork vfork execve exit exit_group wait4 waitid kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo
    getpid getppid gettid getpgid getpgrp setpgid getsid setsid
    getuid geteuid getgid getegid getresuid getresgid getgroups capget
    getrlimit getrusage times getpriority getcpu uname
    sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min
    arch_prctl set_tid_address set_robust_list get_robust_list rseq futex
"""
_SIGNALS_AND_TIMERS = """
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack restart_syscall
    pause alarm getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete
    timerfd_create timerfd_settime timerfd_gettime signalfd signalfd4 eventfd eventfd2
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time getrandom
"""
_WAITING = """
    poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 pipe pipe2
"""
# On a pair of connected AF_UNIX sockets, which asyncio and multiprocessing use between a program's own processes.
_SOCKET_PAIRS = "sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown getsockopt getsockname getpeername"

# RLIMIT_CORE is 4: at the value that a chamber is born with no core dump is made; at 0 a host that pipes them to a
# program would make one (flags.py). The values are named one by one: the kernel looks at 32 bits of them, the filter
# at 64, so "any but 4" would let 4 through.
_LIMITS_BUT_CORE = tuple(number for number in range(16) if number != 4)

# Only with these values of one argument: (call, index of the argument, values).
_WITH_VALUES: tuple[tuple[str, int, tuple[int, ...]], ...] = (
    ("socketpair", 0, (1,)),  # AF_UNIX
    # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_SETPIPE_SZ, F_GETPIPE_SZ, F_ADD_SEALS,
    # F_GET_SEALS; no locks, leases, owners or hints.
    ("fcntl", 1, (0, 1, 2, 3, 4, 1030, 1031, 1032, 1033, 1034)),
    # TCGETS, TIOCGPGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX; nothing that types into a terminal or asks
    # a device.
    ("ioctl", 1, (0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),
    # PR_SET/GET_PDEATHSIG, PR_GET/SET_DUMPABLE, PR_SET/GET_NAME, PR_SET_SECCOMP (the launcher's, which then takes it
    # away), PR_CAPBSET_READ, PR_SET/GET_CHILD_SUBREAPER, PR_SET/GET_NO_NEW_PRIVS, PR_SET_VMA (names of mappings).
    ("prctl", 0, (1, 2, 3, 4, 15, 16, 22, 23, 36, 37, 38, 39, 0x53564D41)),
    ("setrlimit", 0, _LIMITS_BUT_CORE),
    ("prlimit64", 1, _LIMITS_BUT_CORE),
    ("prlimit64", 2, (0,)),  # any of them may be asked for
    ("preadv2", 5, (0,)),  # no RWF_NOWAIT: it tells whether a file of the image is in memory, so whether others read it
    ("pwritev2", 5, (0,)),
    ("personality", 0, (0xFFFFFFFF,)),  # ask, never change
    ("fallocate", 1, (0,)),  # other modes allocate beyond RLIMIT_FSIZE (measured on ext4) or punch holes
)
_COUNTED = frozenset({"pipe", "pipe2", "memfd_create", "socketpair", *_SOCKET_PAIRS.split()})
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_ENOSYS = 38

Rule = dict[str, object]


def profile(*, strict: bool = False) -> str:
    """The list as JSON text, in the engine's format."""
    left_out = _COUNTED | {"statx"} if strict else frozenset[str]()
    rules: list[Rule] = [_allow([call for call in _plain_calls() if call not in left_out])]
    for call, index, values in _WITH_VALUES:
        rules += [_allow([call], _argument(index, value)) for value in values if call not in left_out]
    # clone may not make namespaces; clone3 hides its flags in memory, where no filter sees them, so it does not exist:
    # the C library then uses clone.
    rules.append(_allow(["clone"], _argument(0, _NEW_NAMESPACES, 0)))
    # As statx under `strict`, without which it uses stat.
    absent = ["clone3", "statx"] if strict else ["clone3"]
    rules.append({"names": absent, "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS})
    document = {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": rules}
    return json.dumps(document, indent=1) + "\n"


def _plain_calls() -> list[str]:
    groups = (_FILES, _FOR_THE_OCI_RUNTIME, _MEMORY, _PROCESSES, _SIGNALS_AND_TIMERS, _WAITING, _SOCKET_PAIRS)
    return sorted(call for group in groups for call in group.split())


def _allow(names: Sequence[str], argument: Rule | None = None) -> Rule:
    rule: Rule = {"names": list(names), "action": "SCMP_ACT_ALLOW"}
    return {**rule, "args": [argument]} if argument else rule


def _argument(index: int, value: int, masked: int | None = None) -> Rule:
    """The argument equals `value`; or, with `masked`, its bits in `value` equal `masked`."""
    if masked is None:
        return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}
    return {"index": index, "value": value, "valueTwo": masked, "op": "SCMP_CMP_MASKED_EQ"}


if __name__ == "__main__":
    print(profile(strict={"standard": False, "strict": True}[sys.argv[1]]), end="")
