"""When a padded chamber starts tells nothing of what the chamber before it did for the sake of one person.

Chambers come in pairs, one after the other in their lane. The first of a pair sleeps, crashes, floods or dies if the
target is in its block, and is honest if not; the second reads the clock as it starts. A coin decides for each pair
whether the target is there, so half of the pairs are of either of two neighbouring datasets, whatever the machine does.

False alarms: at most 1e-7 per test. Under the hypothesis that starts do not depend on the target, every choice of the
coins was equally likely, so the exact rank test over the coins is right whatever the noise or the load; it alarms only
when the starts of one side (in steps of STEP seconds, below which nothing is claimed) lie nearly all behind the
other's. A second that did not come to its report counts as the latest of all. Fourteen pairs on each side have
C(28, 14) choices: enough to reach 1e-7.
"""

import json
import os
import time
import uuid
from contextlib import contextmanager

import chamber_help as help_
import pytest
from coin_pairs import FALSE_ALARM, NEVER, PAIRS, chance, coins, sides

from sandbox.chambers.runtime import ChamberRuntime
from sandbox.domain.chamber import ChamberPlan, Timing

LANES = 2
STEP = 0.1
ACTS = ("sleep", "crash", "flood", "die")
CLOCKS = ("/usr/bin/python3", "-I", "-S", "/clocks.py")
SHORTEST_SLOT, LONGEST_SLOT = 600, 4000  # milliseconds; a busy machine needs longer ones to start anything in time


def starts(image: help_.Image, there: list[bool], timing: Timing, seconds: str) -> list[float]:
    """Run the pairs; give for each the time from where it is counted to the second's start, in whole steps."""
    runtime = help_.engine_runtime("cell", f"starts-{os.getpid()}")
    image_id = runtime.load_image(image.archive, image.identity)
    with contextmanager(help_.run_directory)() as directory:
        hall = help_.Hall(runtime, image_id, directory, f"starts-{uuid.uuid4().hex}")
        slot = slot_milliseconds(runtime, image_id) if timing is Timing.PADDED else 60_000
        plan = hall.plan(
            ["clocks"] * (2 * PAIRS),
            entrypoint=CLOCKS,
            timing=timing,
            lanes=LANES,
            slot_milliseconds=slot,
            start_at=help_.in_seconds(3),
        )
        acts = ACTS if timing is Timing.PADDED else ("sleep",)
        for chamber, folder in enumerate(plan.block_dirs):
            assert folder is not None
            pair, second = chamber // (2 * LANES) * LANES + chamber % LANES, chamber // LANES % 2
            acting = not second and there[pair]
            (folder / "act").write_text(acts[pair % len(acts)] if acting else "behave")
            (folder / "seconds").write_text(seconds)
        assert runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(250)) == plan.chambers
        said = [json.loads(raw)["at"] if raw else None for raw in runtime.collect(hall.outputs, plan.chambers)]
    runtime.reap(())
    return [_steps(plan, pair, said) for pair in range(PAIRS)]


def slot_milliseconds(runtime: ChamberRuntime, image_id: str) -> int:
    """A slot in which a chamber surely starts and reports on this machine, as busy as it is now."""
    with contextmanager(help_.run_directory)() as directory:
        hall = help_.Hall(runtime, image_id, directory, f"pace-{uuid.uuid4().hex}")
        began = time.monotonic()
        assert hall.run(["honest"]) == [help_.HONEST]
        return int(min(max(4000 * (time.monotonic() - began), SHORTEST_SLOT), LONGEST_SLOT))


def _steps(plan: ChamberPlan, pair: int, said: list[float | None]) -> float:
    first = pair // LANES * 2 * LANES + pair % LANES
    second = first + LANES
    since = plan.slot(second)[0].timestamp() if plan.timing is Timing.PADDED else said[first]
    started = said[second]
    return NEVER if since is None or started is None else (started - since) // STEP


def test_padded_starts_do_not_depend_on_what_was_done_before(image: help_.Image) -> None:
    there = coins()

    with_target, without = sides(starts(image, there, Timing.PADDED, "600"), there)
    print(f"padded starts: p {chance(with_target, without):.2g}; {sorted(with_target)} {sorted(without)}")

    assert min(*with_target, *without) < NEVER, "the machine was too busy to measure anything"
    assert chance(with_target, without) > FALSE_ALARM


def test_immediate_starts_tell_who_was_there(image: help_.Image) -> None:
    there = coins()

    with_target, without = sides(starts(image, there, Timing.IMMEDIATE, "2"), there)
    print(f"immediate starts: p {chance(with_target, without):.2g}")

    assert chance(with_target, without) <= FALSE_ALARM


def test_rank_test_is_exact_where_it_can_be_counted_by_hand() -> None:
    assert chance([1, 2, 3], [4, 5, 6]) == pytest.approx(2 / 20)
    assert chance([1, 1, 1], [1, 1, 1]) == 1
