"""The hostile battery: each attack is contained, its neighbour is unharmed, and it yields what it is said to yield.

Each test runs the attack beside an honest chamber of the same image. That nothing of it is left on the host, the
fixture `hall` checks after each.
"""

import json
from typing import Any

import chamber_help as help_
import pytest

from sandbox.chambers import limits
from sandbox.domain.chamber import Timing

HONEST = help_.HONEST
OPEN_SECCOMP = '{"defaultAction": "SCMP_ACT_ALLOW"}'


def found(hall: help_.Hall, role: str, **changes: Any) -> Any:
    """What the role's report says, once its honest neighbour was seen to be unharmed."""
    report, neighbour = hall.run([role, "honest"], **changes)
    assert neighbour == HONEST
    assert report is not None
    return json.loads(report)


@pytest.mark.parametrize("attack", ["memory_bomb", "memory_bomb_in_child", "output_flood", "output_too_long"])
def test_attack_yields_nothing_and_harms_nobody(hall: help_.Hall, attack: str) -> None:
    assert hall.run([attack, "honest"]) == [None, HONEST]


def test_endless_attacks_are_killed_when_their_slots_end(hall: help_.Hall) -> None:
    attacks = ["fork_bomb", "flood_streams", "never_ends", "ignores_signals"]

    outcomes = hall.run([*attacks, "honest"], slot_seconds=2 * hall.short_slot(), lanes=5)

    assert outcomes == [None, None, None, None, HONEST]


@pytest.mark.parametrize("attack", ["fork_bomb_and_leave", "daemon"])
def test_what_is_left_behind_dies_with_the_first_process(hall: help_.Hall, attack: str) -> None:
    assert hall.run([attack, "honest"]) == [HONEST, HONEST]


def test_attack_in_a_padded_slot_does_not_move_the_next_one(hall: help_.Hall) -> None:
    outcomes = hall.run(
        ["fork_bomb", "honest"],
        timing=Timing.PADDED,
        slot_seconds=hall.short_slot() + 1,
        lanes=1,
        start_at=help_.in_seconds(0.5),
    )

    assert outcomes == [None, HONEST]


def test_tmp_is_bounded_in_bytes_and_files(hall: help_.Hall) -> None:
    report = found(hall, "fill_tmp")

    assert report["bytes"] <= limits.TMP_BYTES
    assert report["files"] < limits.TMP_INODES
    assert (report["bytes_error"], report["files_error"]) == ("ENOSPC", "ENOSPC")


def test_tmp_beyond_memory_ends_the_chamber_only(hall: help_.Hall) -> None:
    assert hall.run(["fill_tmp", "honest"], memory_bytes=32 << 20) == [None, HONEST]


def test_output_cannot_be_made_larger_than_a_file_may_be(hall: help_.Hall) -> None:
    assert found(hall, "output_sparse") == {"truncate": "EFBIG", "keep_size": "EPERM", "fallocate": "EFBIG"}


def test_output_cannot_be_replaced_or_joined(hall: help_.Hall) -> None:
    report = found(hall, "output_replaced")

    assert "done" not in report.values(), report


def test_streams_lead_nowhere(hall: help_.Hall) -> None:
    report = found(hall, "streams")

    assert report["own"] == {"0": "/dev/null", "1": "/dev/null", "2": "/dev/null"}
    assert report["count"] == 4
    assert report["first process"] in ("EACCES", "ENOENT")  # closed, or not even there


def test_no_family_of_sockets_can_be_had(hall: help_.Hall) -> None:
    report = found(hall, "network")

    assert set(report["families"].values()) == {"EPERM"}, report
    assert report["pair"] == "done"
    assert report["resolver"] == ""
    assert "done" not in (report["address"], report["name"])


def test_without_the_list_of_calls_there_are_sockets_but_no_network(hall: help_.Hall) -> None:
    report = found(hall, "network", seccomp=OPEN_SECCOMP)

    assert report["families"]["AF_INET"] == "done"
    assert report["address"] == "ENETUNREACH"
    assert report["name"] != "done"
    assert report["resolver"] == ""


def test_nothing_but_tmp_and_the_output_can_be_written(hall: help_.Hall) -> None:
    report = found(hall, "write_root")

    assert "done" not in report.values(), report


def test_chamber_has_no_rights(hall: help_.Hall) -> None:
    report = found(hall, "rights")

    assert report["Uid"] == [str(help_.FIRST_UID)] * 4
    assert report["Gid"] == [str(help_.FIRST_UID)] * 4
    assert report["Groups"] in ([], [str(help_.FIRST_UID)])
    assert {report[name][0] for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")} == {"0" * 16}
    assert report["NoNewPrivs"] == ["1"]
    assert report["Seccomp"] == ["2"]
    assert report["files"] == limits.OPEN_FILES
    assert report["pid 1"] == 1


def test_each_chamber_has_a_uid_of_its_own(hall: help_.Hall) -> None:
    outcomes = hall.run(["rights", "rights"])

    assert [json.loads(outcome or b"")["Uid"][0] for outcome in outcomes] == [
        str(help_.FIRST_UID),
        str(help_.FIRST_UID + 1),
    ]


def test_dangerous_calls_are_refused(hall: help_.Hall) -> None:
    report = found(hall, "calls")

    assert report.pop("clone3") == "ENOSYS"
    # The OCI runtime lets calls that are younger than the youngest of the list answer that they do not exist.
    assert set(report.values()) <= {"EPERM", "ENOSYS"}, report


def test_without_the_list_of_calls_some_would_pass(hall: help_.Hall) -> None:
    report = found(hall, "calls", seccomp=OPEN_SECCOMP)

    assert {name for name in ("sysinfo", "ptrace", "shmget", "inotify_init1") if report[name] == "EPERM"} == set()
    assert report["fstatfs"] == "EPERM"  # the launcher's own filter stands


def test_traced_process_is_refused(hall: help_.Hall) -> None:
    assert found(hall, "traced") == {"traceme": "EPERM"}


def test_traced_process_that_stops_has_not_ended_for_the_launcher(hall: help_.Hall) -> None:
    assert hall.run(["traced", "honest"], seccomp=OPEN_SECCOMP, slot_seconds=hall.short_slot()) == [None, HONEST]


def test_host_does_not_show(hall: help_.Hall) -> None:
    report = found(hall, "host")

    assert report.pop("processes")[0] in (1, 2)  # its own; in a cell even its parent is hidden
    assert report.pop("host name") == "chamber"
    assert set(report.values()) == {0}, report


def test_chamber_finds_only_its_own_files(hall: help_.Hall) -> None:
    report = found(hall, "neighbours")

    mine = {"/mnt/input/data/role", "/mnt/input/data/secret", "/mnt/input/input.json", "/mnt/output/result.json"}
    assert set(report["files"]) == mine
    assert set(report["binds"]) <= {*mine, "/mnt/input", "/mnt/input/data", "/mnt/output"}


def test_signals_reach_nobody(hall: help_.Hall) -> None:
    assert found(hall, "signals") == {"all": "ESRCH", "first": "done", "alive": 1}


def test_honest_programs_run_under_the_list_of_calls(hall: help_.Hall) -> None:
    report = found(hall, "stack", entrypoint=("/usr/bin/python3", "-I", "/hostile.py"))

    assert report == {"pool": [1, 2, 3], "asyncio": "slept", "child": "7", "file": 3, "svd": 20.0}
