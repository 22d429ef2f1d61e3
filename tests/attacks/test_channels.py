"""What two chambers can tell each other: a sender and a receiver, and the share of bits that come out wrong.

Half of the random bits are 1, so a receiver that learns nothing is wrong in half of them: exactly half if it sees no
change at all, and in a number with a hypergeometric law if it guesses. A channel counts as closed when the share is
within `LEEWAY` of a half: a guess among `BITS` bits falls outside with a chance below 10⁻⁶ for each channel. It counts
as open, in the controls, when the share is below `OPEN`.
"""

import json
import math
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import chamber_help as help_
import docker
import pytest
from channel_pairs import COUNTED_BITS, WARM_FILES, balanced, error_rate, make_cold, warm_image
from weakened import NO_LIST_OF_CALLS, weaken_isolation_for_a_control

from sandbox.chambers.runtime import ChamberRuntime

BITS = 64
LEEWAY = 0.32
OPEN = 0.1
BIT_SECONDS = 0.06
SENT = ("memory", "namespace lock", "file lock", "watchers", "pipe pages")
SEEN = {"sysinfo": "memory", "meminfo": "memory", **{name: name for name in SENT[1:]}}
A_MESSAGE = 50_000  # inodes


def at_once(hall: help_.Hall, **changes: Any) -> dict[str, float]:
    """The error rate of each channel between two chambers that run at the same time."""
    sent = {name: balanced(BITS) for name in SENT}
    pace = hall.short_slot()
    said = {"start": time.time() + pace, "seconds": BIT_SECONDS, "bits": BITS}
    fields = {"input_json": json.dumps(said).encode(), "memory_bytes": 256 << 20, "entrypoint": help_.CHANNELS}
    hall.plan(["send", "receive"])
    (hall.directory / "blocks" / "000000" / "bits.json").write_text(json.dumps(sent))
    sender, receiver = hall.run(["send", "receive"], **fields, **changes)
    assert sender == b"{}"
    assert receiver is not None
    return {name: error_rate(sent[SEEN[name]], guess) for name, guess in json.loads(receiver).items()}


def test_leeway_is_what_it_is_said_to_be() -> None:
    half, ways = BITS // 2, math.comb(BITS, BITS // 2)
    outside = [k for k in range(half + 1) if abs((half - k) * 2 / BITS - 0.5) > LEEWAY]

    # k of the receiver's 32 ones are right, so 2·(32 - k) bits are wrong; a guess has k with this law.
    assert sum(math.comb(half, k) * math.comb(half, half - k) for k in outside) / ways < 1e-6


def test_chambers_at_the_same_time_tell_each_other_nothing(hall: help_.Hall) -> None:
    rates = at_once(hall)

    print("bit error rates, at once:", rates)
    assert {name: rate for name, rate in rates.items() if abs(rate - 0.5) > LEEWAY} == {}


@pytest.mark.parametrize("runtime", ["container"], indirect=True)  # the engine that can be weakened from outside
def test_weakened_chambers_at_the_same_time_do_tell(
    hall: help_.Hall, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The control: one uid, one directory, no list of calls, nothing masked; every receiver hears its sender."""
    tmp_path.chmod(0o755)
    (tmp_path / "file").touch()
    weaken_isolation_for_a_control(monkeypatch, tmp_path)

    rates = at_once(hall, seccomp=NO_LIST_OF_CALLS)

    print("bit error rates, at once, weakened:", rates)
    assert {name: rate for name, rate in rates.items() if rate > OPEN} == {}


# One after another.


def after_each_other(hall: help_.Hall, roles: list[str], **changes: Any) -> list[Any]:
    """What each of a row of chambers reports."""
    outcomes = hall.run(roles, entrypoint=help_.CHANNELS, lanes=1, memory_bytes=256 << 20, **changes)
    assert None not in outcomes
    return [json.loads(outcome or b"") for outcome in outcomes]


def test_counter_of_inodes_tells_what_ran_before_as_documented(hall: help_.Hall) -> None:
    """Open in profile `standard`, whose claim is conditional on no such channel (docs/security.md): every bit arrives.

    The machine's counter moves on with every pipe, memory file and socket. Nobody else makes as many as the sender.
    """
    bits = balanced(COUNTED_BITS)
    senders = ["count_up" if bit else "count_nothing" for bit in bits]

    reports = after_each_other(
        hall, ["read_counter", *(role for sender in senders for role in (sender, "read_counter"))]
    )

    rates = {}
    for kind, name in enumerate(("pipe", "memory file", "socket")):
        counts = [report[kind] for report in reports if report]
        steps = [(after - before) % (1 << 32) for before, after in pairwise(counts)]
        rates[name] = error_rate(bits, [int(A_MESSAGE < step < 1 << 31) for step in steps])
    print("bit error rates, one after another:", rates)
    assert max(rates.values()) < OPEN


def test_control_groups_keep_nothing_of_who_was_here_before(hall: help_.Hall) -> None:
    for report in after_each_other(hall, ["count_up", "residue"])[1:]:
        assert report == {"readable": [], "paths": ["/"]}


@pytest.fixture
def warm_image_id(runtime: ChamberRuntime, tmp_path: Path) -> Iterator[str]:
    yield from warm_image(runtime, tmp_path)


def test_kernel_does_not_say_which_files_others_have_read(
    hall: help_.Hall, engine: docker.APIClient, warm_image_id: str
) -> None:
    """Asked, it refuses. By the clock it can be told in profile `standard`: measured here, and never asserted."""
    bits = balanced(WARM_FILES)
    plan = hall.plan(["warm", "feel"])
    (hall.directory / "blocks" / "000000" / "bits.json").write_text(json.dumps(bits))
    make_cold(engine, warm_image_id)

    _, felt = after_each_other(hall, ["warm", "feel"], block_dirs=plan.block_dirs, image_id=warm_image_id)

    print("bit error rate, one after another, page cache by time:", error_rate(bits, felt["timed"]))
    assert felt["asked"] == [-1] * WARM_FILES
