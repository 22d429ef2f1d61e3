"""When the chambers of a plan start: at fixed moments, or as soon as there is a free lane (DESIGN 6, Timing)."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sandbox.chambers.limits import READING_SECONDS, READING_SHARE
from sandbox.chambers.outputs import Outcomes
from sandbox.domain.chamber import ChamberPlan, Timing


class Clock:
    """The wall clock as it was at the start of a slice, carried on evenly: a jump within the slice moves nothing."""

    def __init__(self) -> None:
        self._base = datetime.now(UTC)
        self._ticks = time.monotonic()

    def now(self) -> datetime:
        """This moment."""
        return self._base + timedelta(seconds=time.monotonic() - self._ticks)

    def monotonic(self, moment: datetime) -> float:
        """That moment on the machine's monotonic clock, in seconds; programs of this machine share that clock."""
        return self._ticks + (moment - self._base).total_seconds()

    def seconds_to(self, moment: datetime) -> float:
        """How long until that moment; negative when it has passed."""
        return (moment - self.now()).total_seconds()

    def sleep_until(self, moment: datetime) -> None:
        """Do nothing until that moment."""
        time.sleep(max(0.0, self.seconds_to(moment)))


class Chambers(Protocol):
    """Whatever runs one chamber."""

    def is_left(self, chamber: int) -> bool:
        """Whether an earlier slice started this chamber and left it running."""

    def run(self, chamber: int, kill_at: datetime | None, until: datetime, clock: Clock) -> None:
        """Run or resume one chamber to its outcome, or leave it running at `until`."""


def run_slots(plan: ChamberPlan, chambers: Chambers, outcomes: Outcomes, first: int, until: datetime) -> None:
    """Run the plan's chambers from `first` on until `until`; the first failure of the machine is raised at the end."""
    run = _run_padded if plan.timing is Timing.PADDED else _run_immediate
    run(plan, chambers, outcomes, first, until, Clock())


def reading_starts(plan: ChamberPlan, chamber: int) -> datetime:
    """When a padded chamber is killed, so that it has been read when its slot ends."""
    _, end = plan.slot(chamber)
    return end - timedelta(seconds=reading_seconds(plan))


def reading_seconds(plan: ChamberPlan) -> float:
    """How much of a padded slot is kept for killing and reading."""
    return min(READING_SECONDS, READING_SHARE * plan.slot_milliseconds / 1000)


def _run_padded(
    plan: ChamberPlan, chambers: Chambers, outcomes: Outcomes, first: int, until: datetime, clock: Clock
) -> None:
    """Each chamber in a thread of its own, so that the end of one never delays the start of the next."""
    running: list[Future[None]] = []
    with ThreadPoolExecutor(max_workers=2 * plan.lanes) as threads:
        for chamber in range(first, plan.chambers):
            if _settle(plan, outcomes, chamber):
                continue
            if not chambers.is_left(chamber) and not _reach_start(plan, outcomes, chamber, until, clock):
                if outcomes.has(chamber):
                    continue
                break
            kill_at = reading_starts(plan, chamber)
            running.append(threads.submit(chambers.run, chamber, kill_at, until, clock))
    for future in running:
        future.result()


def _reach_start(plan: ChamberPlan, outcomes: Outcomes, chamber: int, until: datetime, clock: Clock) -> bool:
    """Wait for the start of a slot; False if it lies beyond the slice, or was missed and so has its outcome."""
    start, end = plan.slot(chamber)
    if start >= until:
        return False
    clock.sleep_until(start)
    if clock.now() - start > (end - start) / 2:
        outcomes.write(chamber, None)
        return False
    return True


def _run_immediate(
    plan: ChamberPlan, chambers: Chambers, outcomes: Outcomes, first: int, until: datetime, clock: Clock
) -> None:
    """Each lane takes the next chamber as soon as its last one ended."""
    waiting = iter(range(first, plan.chambers))
    lock, failed = threading.Lock(), threading.Event()

    def take() -> int | None:
        with lock:
            if failed.is_set() or clock.now() >= until:
                return None
            return next((chamber for chamber in waiting if not _settle(plan, outcomes, chamber)), None)

    with ThreadPoolExecutor(max_workers=plan.lanes) as threads:
        lanes = [threads.submit(_lane, chambers, take, failed, until, clock) for _ in range(plan.lanes)]
    for lane in lanes:
        lane.result()


def _lane(
    chambers: Chambers, take: Callable[[], int | None], failed: threading.Event, until: datetime, clock: Clock
) -> None:
    try:
        while (chamber := take()) is not None:
            chambers.run(chamber, None, until, clock)
    except BaseException:
        failed.set()
        raise


def _settle(plan: ChamberPlan, outcomes: Outcomes, chamber: int) -> bool:
    """Whether a chamber needs no run: it has its outcome, or its block is empty and now has."""
    if plan.block_dirs[chamber] is None:
        outcomes.write(chamber, None)
    return outcomes.has(chamber)
