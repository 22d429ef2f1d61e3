"""When a padded release leaves, and when the next job starts, tells nothing of who was among a job's people.

Real nodes and real cells (`timed_place`). A coin decides for each node whether the target is among its people; the
first job's program sleeps, crashes, floods or dies where it meets them. Times are compared in steps of STEP seconds,
below which nothing is claimed, by the exact rank test over the coins: false alarms at most 1e-7 for each statement.
`immediate`, with the one worker that a node may then have, shows the test's teeth: both times tell at once.
"""

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import chamber_help as help_
import pytest
import structlog
import timed_place
from coin_pairs import FALSE_ALARM, NEVER, PAIRS, chance, coins, sides
from factory import World
from timed_place import Course, Seen

from sandbox.domain.chamber import Timing

STEP = 0.1
ACTS = ("sleep", "crash", "flood", "die")
APART = 0.4  # seconds between the orders of two nodes, so that not all cells start at once
AT_ONCE = {Timing.PADDED: PAIRS // 2, Timing.IMMEDIATE: PAIRS // 4}  # nodes; padded ones wait most of their time
POLICY: dict[Timing, dict[str, Any]] = {
    Timing.PADDED: {"timing": "padded", "epoch_seconds": 1},
    Timing.IMMEDIATE: {"timing": "immediate"},
}
SECONDS = {Timing.PADDED: 60, Timing.IMMEDIATE: 6}  # that a sleeper sleeps
# The second order comes when an honest first job has ended, and is charged, staged and due before the first's last slot
# ends: staging is reserved 5 seconds. Were the first one's reservation over with its chambers, the second would start.
SLOT_SECONDS, WAIT_SECONDS = 7, 1.0
NEXT_SLOT_SECONDS = 20  # time enough for a cell to start on a busy machine
TEETH = 1e-4  # what the control reaches on a busy machine as well; on an idle one 5e-8, the least there is


def observe(folder: Path, image: help_.Image, timing: Timing, there: list[bool]) -> list[Seen]:
    """Run one pair of jobs on each of so many nodes; give what shows of them."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    world = World(now=dt.datetime.now(dt.UTC).replace(microsecond=0))
    help_.engine_runtime("cell", folder.name).load_image(image.archive, image.identity)
    timed_place.make_nodes(folder, world, **POLICY[timing])
    acts = ACTS if timing is Timing.PADDED else ("sleep",)
    begin = time.monotonic()

    def pair(number: int) -> Seen:
        act = acts[number // 2 % len(acts)]
        first = timed_place.order(world, image, 2 * number, act=act, seconds=SECONDS[timing], slot_seconds=SLOT_SECONDS)
        second = timed_place.order(
            world, image, 2 * number + 1, act="behave", seconds=0, slot_seconds=NEXT_SLOT_SECONDS
        )
        made = folder / ("with" if there[number] else "without")
        workers = 2 if timing is Timing.PADDED else 1
        course = Course(made, folder / f"{number}", workers=workers, wait_seconds=WAIT_SECONDS)
        time.sleep(max(0.0, begin + APART * number - time.monotonic()))
        return course.run(first, second)

    with ThreadPoolExecutor(max_workers=AT_ONCE[timing]) as nodes:
        return list(nodes.map(pair, range(PAIRS)))


def steps(seconds: float) -> float:
    """Whole steps; a second job that did not come to its report started last of all."""
    return seconds if seconds == NEVER else seconds // STEP


@pytest.mark.parametrize("timing", Timing)
def test_release_and_next_start_tell_of_the_target_only_where_nothing_is_padded(
    image: help_.Image, tmp_path: Path, timing: Timing
) -> None:
    there = coins()

    seen = observe(tmp_path, image, timing, there)

    for what in ("released", "next_started"):
        with_target, without = sides([steps(getattr(one, what)) for one in seen], there)
        found = chance(with_target, without)
        assert median(with_target + without) < NEVER, "the machine was too busy to measure anything"
        print(f"{timing}, {what}: p {found:.2g}; {sorted(with_target)} {sorted(without)}")
        assert found > FALSE_ALARM if timing is Timing.PADDED else found <= TEETH
