"""The list of system calls: the file is what the list generates, and the list holds what it must not lack or hold."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.chambers.seccomp import profile

POLICIES = Path(__file__).parents[3] / "policies"
_NEVER = """
    ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd pidfd_open io_uring_setup io_uring_enter
    io_uring_register userfaultfd keyctl add_key request_key bpf perf_event_open unshare setns mount umount2 pivot_root
    move_mount open_tree fsopen fsmount mount_setattr chroot sysinfo statfs mincore cachestat flock inotify_init
    inotify_init1 inotify_add_watch fanotify_init shmget shmat shmctl msgget msgsnd semget semop mq_open socket connect
    bind listen accept accept4 setuid setgid setresuid setfsuid capset mknod mknodat chown fchown lchown fchownat
    setxattr seccomp memfd_secret modify_ldt ioperm iopl splice tee vmsplice name_to_handle_at open_by_handle_at
    init_module kexec_load swapon reboot settimeofday clock_settime adjtimex syslog acct quotactl lookup_dcookie
    get_mempolicy set_mempolicy mbind migrate_pages move_pages sched_setaffinity sched_setscheduler setpriority
    landlock_create_ruleset execveat
"""
_COUNTED = """
    pipe pipe2 memfd_create statx socketpair sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown
    getsockopt getsockname getpeername
"""


def rules(call: str) -> list[dict[str, Any]]:
    return [rule for rule in json.loads(profile())["syscalls"] if call in rule["names"]]


@pytest.mark.parametrize(("name", "strict"), [("seccomp.json", False), ("seccomp-strict.json", True)])
def test_file_is_what_the_list_generates(name: str, strict: bool) -> None:
    assert (POLICIES / name).read_text() == profile(strict=strict)


def test_strict_list_lacks_exactly_what_shows_a_counter() -> None:
    standard, strict = (allowed(json.loads(profile(strict=strict))) for strict in (False, True))

    assert strict < standard
    assert standard - strict == set(_COUNTED.split())


def allowed(document: dict[str, Any]) -> set[str]:
    rules = (rule for rule in document["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW")
    return {name for rule in rules for name in rule["names"]}


@pytest.mark.parametrize("call", _NEVER.split())
def test_call_that_reaches_others_is_not_allowed(call: str) -> None:
    assert rules(call) == []


@pytest.mark.parametrize("call", ["clone", "fcntl", "ioctl", "prctl", "personality", "socketpair", "fallocate"])
def test_call_that_can_do_many_things_is_allowed_with_named_values_only(call: str) -> None:
    assert rules(call)
    assert all(rule.get("args") for rule in rules(call))


def test_what_is_not_named_fails_and_other_machines_calls_do_not_exist() -> None:
    document = json.loads(profile())

    assert document["defaultAction"] == "SCMP_ACT_ERRNO"
    assert document["architectures"] == ["SCMP_ARCH_X86_64"]


def test_clone_makes_no_namespace_and_clone3_does_not_exist() -> None:
    [clone], [clone3] = rules("clone"), rules("clone3")

    assert clone["args"] == [{"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]
    assert (clone3["action"], clone3["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)


def test_no_call_is_named_twice_without_arguments() -> None:
    names = [name for rule in json.loads(profile())["syscalls"] if not rule.get("args") for name in rule["names"]]

    assert len(names) == len(set(names))
