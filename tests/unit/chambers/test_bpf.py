"""The compiled list decides as the profile says, for every call and argument."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.chambers.bpf import compile_filter, supervisor_profile
from sandbox.chambers.calls import NUMBERS
from sandbox.chambers.seccomp import profile

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
X86_64, I386 = 0xC000003E, 0x40000003
RULES = json.loads(profile())["syscalls"]
# Every value that any rule compares with, and its neighbours in the low and in the high half.
VALUES = sorted(
    {0, 1, 2**63}
    | {
        value
        for rule in RULES
        for one in rule.get("args", ())
        for value in (one["value"], one["value"] + 1, one["value"] | 1 << 32, one["value"] << 32)
    }
)


def decide(program: bytes, machine: int, number: int, arguments: tuple[int, ...]) -> int:
    """Run a filter as the kernel does, on its ``struct seccomp_data``."""
    data = struct.pack("<IIQ6Q", number, machine, 0, *arguments)
    steps, at, accumulator = list(struct.iter_unpack("<HBBI", program)), 0, 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif code == 0x54:
            accumulator &= operand
        elif code == 0x06:
            return int(operand)
        else:
            holds = accumulator == operand if code == 0x15 else accumulator >= operand
            at += if_true if holds else if_false


def expected(name: str, arguments: tuple[int, ...]) -> int:
    """What the profile says, read naively; two things are for containers only."""
    if name == "fstatfs" or (name == "prctl" and arguments[0] == 22):
        return EPERM
    for rule in RULES:
        if name in rule["names"] and all(_holds(one, arguments) for one in rule.get("args", ())):
            return ALLOW if rule["action"] == "SCMP_ACT_ALLOW" else 0x00050000 | rule["errnoRet"]
    return EPERM


def _holds(one: dict[str, int], arguments: tuple[int, ...]) -> bool:
    found = arguments[one["index"]]
    return found == one["value"] if str(one["op"]) == "SCMP_CMP_EQ" else found & one["value"] == one["valueTwo"]


PROGRAM = compile_filter(profile())


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_call_is_decided_as_the_profile_says(name: str) -> None:
    for value in VALUES:
        for arguments in ((value,) + (0,) * 5, (0, value) + (0,) * 4):
            assert decide(PROGRAM, X86_64, NUMBERS[name], arguments) == expected(name, arguments), (name, arguments)


@given(st.sampled_from(sorted(NUMBERS)), st.tuples(*[st.integers(0, 2**64 - 1)] * 6))
def test_arguments_are_compared_in_all_their_bits(name: str, arguments: tuple[int, ...]) -> None:
    assert decide(PROGRAM, X86_64, NUMBERS[name], arguments) == expected(name, arguments)


@pytest.mark.parametrize(("machine", "number"), [(I386, 4), (0xC00000B7, 64), (X86_64, 0x40000001)])
def test_foreign_calls_kill(machine: int, number: int) -> None:
    assert decide(PROGRAM, machine, number, (0,) * 6) == KILL


def test_call_that_nobody_named_is_refused() -> None:
    assert decide(PROGRAM, X86_64, 5000, (0,) * 6) == EPERM
    assert decide(PROGRAM, X86_64, NUMBERS["clone3"], (0,) * 6) == ENOSYS


def test_supervisor_gets_the_chambers_list_and_eleven_calls_more() -> None:
    ours = {name for rule in json.loads(supervisor_profile(profile()))["syscalls"] for name in rule["names"]}
    theirs = {name for rule in RULES for name in rule["names"]}

    assert theirs <= ours
    assert ours - theirs == {
        *("mount", "umount2", "pivot_root", "sethostname", "pidfd_send_signal"),
        *("setgroups", "setresgid", "setresuid", "capset"),
    }


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "SCMP_ACT_TRACE"},
        {"action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_GT"}]},
        {"action": "SCMP_ACT_ALLOW", "args": [{"index": n, "value": 1, "op": "SCMP_CMP_EQ"} for n in (0, 1)]},
    ],
)
def test_rule_of_an_unknown_kind_is_not_compiled(rule: dict[str, object]) -> None:
    with pytest.raises(RuntimeError):
        compile_filter(json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], **rule}]}))
