"""Attempts that end quickly, many in one chamber; and the destructive ones that need a chamber for themselves."""

import json
import resource
from typing import Any

import chamber_help as help_
from seccomp_filters import numbers_of

from sandbox.chambers import limits
from sandbox.domain.chamber import Profile

HONEST = help_.HONEST
REFUSED = {"EPERM", "ENOSYS"}
PAST_EVERY_FILTER = {
    335,
    336,
}  # uretprobe, uprobe: the kernel asks no filter; both fail where no probe of its own stands
RULED_OUT_BY_PLACE = {"ENOENT", "EACCES", "EROFS", "ENXIO", "EISDIR"}


def found(hall: help_.Hall, role: str, **changes: Any) -> Any:
    """What the role's report says, once an honest chamber beside it was seen to be unharmed."""
    report, neighbour = hall.run([role, "honest"], entrypoint=help_.PROBES, output_bytes=65536, **changes)
    assert neighbour == HONEST
    assert report is not None
    return json.loads(report)


def allowed_numbers() -> set[int]:
    """The numbers of the calls that the list names."""
    rules = json.loads(help_.list_of_calls(Profile.STANDARD))["syscalls"]
    return numbers_of({name for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]})


def test_every_call_that_the_list_does_not_name_is_refused(hall: help_.Hall) -> None:
    passed = {int(number): word for number, word in found(hall, "numbers").items()}

    allowed = allowed_numbers() | PAST_EVERY_FILTER
    assert {number: word for number, word in passed.items() if number not in allowed} == {}
    assert "done" not in [passed.get(number) for number in PAST_EVERY_FILTER]
    assert len(passed) > 100  # the test sees calls that pass


def test_calls_that_would_work_are_refused(hall: help_.Hall) -> None:
    report = found(hall, "attempts")

    by_place = {name for name in report if name.startswith(("/", "docker", "first's", "setns"))}
    assert {name: word for name, word in report.items() if name not in by_place and word not in REFUSED} == {}
    assert {name: report[name] for name in by_place if report[name] not in REFUSED | RULED_OUT_BY_PLACE} == {}


def test_without_the_list_of_calls_many_would_work(hall: help_.Hall) -> None:
    """The control: the same attempts, where nothing but the container holds them."""
    report = found(hall, "attempts", seccomp='{"defaultAction": "SCMP_ACT_ALLOW"}')

    passed = {name for name, word in report.items() if word == "done"}
    assert {"unshare user", "keyring user", "shmget", "inotify", "lock read or write", "lower core"} <= passed


def test_calls_of_other_machines_are_killed_and_a_crash_leaves_nothing(hall: help_.Hall) -> None:
    report = found(hall, "foreign")

    assert report["core"] == [limits.CORE_BYTES, limits.CORE_BYTES]
    assert (report["i386"], report["crash"]) == ("signal 31", "signal 11")
    assert report["x32"] in ("signal 31", "ENOSYS", "EPERM")


def test_no_family_and_no_type_of_sockets_but_local_pairs(hall: help_.Hall) -> None:
    assert found(hall, "sockets") == {"single": ["EPERM"], "pairs": [1]}


def test_program_from_memory_has_no_more_rights(hall: help_.Hall) -> None:
    nothing, no_new_privileges, filtered = "0" * 16, "1", "2"

    assert found(hall, "memory_file") == [nothing, nothing, no_new_privileges, filtered]


def test_shared_memory_is_bounded(hall: help_.Hall) -> None:
    report = found(hall, "fill_shared")

    assert report["error"] == "ENOSPC"
    assert report["bytes"] <= limits.SHARED_MEMORY_BYTES


def test_memory_of_no_process_counts_as_the_chambers(hall: help_.Hall) -> None:
    assert hall.run(["memory_in_file", "honest"], entrypoint=help_.PROBES) == [None, HONEST]


def test_no_process_of_others_can_be_signalled(hall: help_.Hall) -> None:
    assert found(hall, "signal_all") == []


def test_odd_names_and_deep_directories_are_gone_with_their_chamber(hall: help_.Hall) -> None:
    outcomes = hall.run(["odd_files", "left_behind"], entrypoint=help_.PROBES, lanes=1)

    assert outcomes == [HONEST, b"[]"]


def test_mapping_of_the_result_ends_with_the_first_process(hall: help_.Hall) -> None:
    [outcome] = hall.run(["late_mapping"], entrypoint=help_.PROBES)

    assert outcome in (HONEST, HONEST.replace(b"1", b"2"))


def test_thread_bomb_is_killed_when_its_slot_ends(hall: help_.Hall) -> None:
    slot = hall.short_slot()

    assert hall.run(["thread_bomb", "honest"], entrypoint=help_.PROBES, slot_seconds=slot) == [None, HONEST]


def test_each_limit_bites_where_it_is_said_to(hall: help_.Hall) -> None:
    report = found(hall, "bounds", slot_seconds=100)

    # Two processes that spin get one processor: in 2 s, at most two periods of the quota more.
    assert report["processor"] <= (2 + 2 * limits.CPU_QUOTA_MICROSECONDS / 1e6) / 2
    assert report["longest"] == ["done", "EFBIG"]
    assert report["files"] == [limits.OPEN_FILES, "EMFILE"]
    # Besides its children there is the program itself and, in a container, the launcher.
    assert report["processes"] == [limits.PROCESSES - 2, "EAGAIN"]  # the program and its parent are two
    assert report["resource"] == {
        str(resource.RLIMIT_CPU): [101, 101],
        str(resource.RLIMIT_FSIZE): [limits.FILE_BYTES] * 2,
        str(resource.RLIMIT_CORE): [limits.CORE_BYTES] * 2,
        str(resource.RLIMIT_NOFILE): [limits.OPEN_FILES] * 2,
        str(resource.RLIMIT_MSGQUEUE): [limits.QUEUE_BYTES] * 2,
    }


def test_tmp_and_shared_memory_count_as_the_chambers_memory(hall: help_.Hall) -> None:
    assert hall.run(["fill_both", "honest"], entrypoint=help_.PROBES, memory_bytes=48 << 20) == [None, HONEST]
