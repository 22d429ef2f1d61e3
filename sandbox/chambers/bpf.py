"""The list of allowed system calls as the kernel takes it, for chambers that the engine does not start itself.

In a cell the supervisor, not the engine, puts the list on each chamber. It is compiled here from the same profile that
the engine gets for container chambers (``policies/seccomp.json``), less what only the OCI runtime needed of it.

The program (seccomp(2), classic BPF over ``struct seccomp_data``): other machines' calls and x32 kill the process; each
named call is compared in turn and allowed, where the profile says so only with certain values of one argument; all
else fails with EPERM. The kernel remembers which calls are allowed whatever their arguments, so order costs nothing.
"""

import json
import struct
from collections.abc import Iterable
from typing import Any

from sandbox.chambers.calls import NUMBERS

_LOAD, _EQUAL, _AT_LEAST, _MASK, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X86_64, _X32 = 0xC000003E, 0x40000000
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM = 1
_MOST_RULES = 4096

Rule = dict[str, Any]

# runc looks at /proc through fstatfs after it has loaded a profile, and the launcher loads a filter of its own through
# prctl(PR_SET_SECCOMP): a chamber in a cell is started by neither. The first rule that names a call decides.
_DENY = {"action": "SCMP_ACT_ERRNO", "errnoRet": _EPERM}
_ONLY_FOR_CONTAINERS: tuple[Rule, ...] = (
    {"names": ["fstatfs"], **_DENY},
    {"names": ["prctl"], **_DENY, "args": [{"index": 0, "value": 22, "op": "SCMP_CMP_EQ"}]},
)

# What the supervisor does that no chamber may: make and leave mounts and namespaces, become somebody else, for good.
_FOR_THE_SUPERVISOR = (
    *("mount", "umount2", "pivot_root", "sethostname", "clone", "prctl", "pidfd_send_signal"),
    *("setgroups", "setresgid", "setresuid", "capset", "statx"),
)


def compile_filter(profile: str) -> bytes:
    """The chamber's list as an array of ``struct sock_filter``; a rule of a kind not known here raises."""
    document = json.loads(profile)
    program = [_step(_LOAD, _MACHINE), _step(_EQUAL, _X86_64, 1, 0), _step(_RETURN, _KILL)]
    program += [_step(_LOAD, _NUMBER), _step(_AT_LEAST, _X32, 0, 1), _step(_RETURN, _KILL)]
    for rule in (*_ONLY_FOR_CONTAINERS, *document.get("syscalls", ())):
        for name in rule["names"]:
            program += _rule(name, rule)
    program.append(_step(_RETURN, _action({"errnoRet": _EPERM, "action": document["defaultAction"]})))
    if len(program) > _MOST_RULES:
        msg = f"the list compiles to {len(program)} rules, more than the kernel takes"
        raise RuntimeError(msg)
    return b"".join(program)


def supervisor_profile(profile: str) -> str:
    """The engine's profile for a whole cell: the chambers' list and what the supervisor needs beside it."""
    document = json.loads(profile)
    mine = set(_FOR_THE_SUPERVISOR)
    others = ({**rule, "names": sorted(set(rule["names"]) - mine)} for rule in document.get("syscalls", ()))
    rules = [rule for rule in others if rule["names"]]
    rules.append({"names": list(_FOR_THE_SUPERVISOR), "action": "SCMP_ACT_ALLOW"})
    return json.dumps({**document, "syscalls": rules})


def _rule(name: str, rule: Rule) -> list[bytes]:
    arguments = rule.get("args") or []
    if len(arguments) > 1:
        msg = f"{name}: a rule with more than one argument is not compiled"
        raise RuntimeError(msg)
    then = [*_argument(arguments), _step(_RETURN, _action(rule))]
    # The number is loaded anew: the rule before may have loaded an argument, and not held.
    return [_step(_LOAD, _NUMBER), _step(_EQUAL, NUMBERS[name], 0, len(then)), *then]


def _argument(arguments: Iterable[Rule]) -> list[bytes]:
    """Jump over the next return unless the argument, 64 bits, is as the rule says."""
    for argument in arguments:
        place, value = _ARGUMENTS + 8 * argument["index"], argument["value"]
        low, high = value & 0xFFFFFFFF, value >> 32
        if argument["op"] == "SCMP_CMP_EQ":
            return [_step(_LOAD, place), _step(_EQUAL, low, 0, 3), _step(_LOAD, place + 4), _step(_EQUAL, high, 0, 1)]
        if argument["op"] == "SCMP_CMP_MASKED_EQ" and not high:
            return [_step(_LOAD, place), _step(_MASK, low), _step(_EQUAL, argument["valueTwo"], 0, 1)]
        msg = f"a comparison {argument['op']} is not compiled"
        raise RuntimeError(msg)
    return []


def _action(rule: Rule) -> int:
    if rule["action"] == "SCMP_ACT_ALLOW":
        return _ALLOW
    if rule["action"] == "SCMP_ACT_ERRNO":
        return _ERRNO | int(rule["errnoRet"])
    msg = f"an action {rule['action']} is not compiled"
    raise RuntimeError(msg)


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, operand)
