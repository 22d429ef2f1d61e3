"""When chambers start, with pretended chambers on the real clock."""

import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from chamber_plans import plan

from sandbox.chambers.outputs import Outcomes
from sandbox.chambers.slices import Clock, reading_starts, run_slots
from sandbox.domain.chamber import Timing
from sandbox.errors import InfrastructureLost


class Pretended:
    """Chambers that last as long as they are told, and remember when they started and how many ran at once."""

    def __init__(self, outcomes: Outcomes, lengths: dict[int, float] | None = None, left: tuple[int, ...] = ()) -> None:
        self.started: dict[int, datetime] = {}
        self.kill_at: dict[int, datetime | None] = {}
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()
        self._outcomes, self._lengths, self._left = outcomes, lengths or {}, left

    def is_left(self, chamber: int) -> bool:
        return chamber in self._left

    def run(self, chamber: int, kill_at: datetime | None, until: datetime, clock: Clock) -> None:
        self.started[chamber], self.kill_at[chamber] = clock.now(), kill_at
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        clock.sleep_until(min(clock.now() + timedelta(seconds=self._lengths.get(chamber, 0.01)), until))
        with self._lock:
            self._running -= 1
        self._outcomes.write(chamber, b"1")


@pytest.fixture
def outcomes() -> Iterator[Outcomes]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        yield Outcomes(Path(directory) / "outputs")


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def blocks(number: int) -> tuple[Path, ...]:
    return (Path("/blocks"),) * number


def test_padded_chamber_starts_on_time_although_the_one_before_is_slow(outcomes: Outcomes) -> None:
    chambers = Pretended(outcomes, {0: 2.8})
    planned = plan(block_dirs=blocks(3), lanes=1, slot_seconds=2, start_at=soon(0.1))

    run_slots(planned, chambers, outcomes, 0, soon(20))

    late = [(chambers.started[chamber] - planned.slot(chamber)[0]).total_seconds() for chamber in range(3)]
    assert min(late) >= 0
    assert max(late) < 1
    assert chambers.kill_at == {chamber: reading_starts(planned, chamber) for chamber in range(3)}


def test_reading_is_over_when_the_slot_is() -> None:
    short, long = plan(slot_seconds=1), plan(slot_seconds=600)

    assert short.slot(0)[1] - reading_starts(short, 0) == timedelta(seconds=0.25)
    assert long.slot(0)[1] - reading_starts(long, 0) == timedelta(seconds=1)


def test_padded_slot_beyond_the_slice_is_left_for_the_next(outcomes: Outcomes) -> None:
    chambers = Pretended(outcomes)
    planned = plan(block_dirs=blocks(4), lanes=2, slot_seconds=5, start_at=soon(0))

    run_slots(planned, chambers, outcomes, 0, soon(1))

    assert sorted(chambers.started) == [0, 1]
    assert outcomes.first_open(0, 4) == 2


def test_padded_slot_that_was_missed_is_not_made_up_for(outcomes: Outcomes) -> None:
    chambers = Pretended(outcomes)
    planned = plan(block_dirs=blocks(2), lanes=1, slot_seconds=2, start_at=soon(-1.5))

    run_slots(planned, chambers, outcomes, 0, soon(20))

    assert outcomes.collect(2) == [None, b"1"]
    assert sorted(chambers.started) == [1]


def test_padded_chamber_that_was_left_running_is_resumed_at_once(outcomes: Outcomes) -> None:
    chambers = Pretended(outcomes, left=(0,))
    planned = plan(block_dirs=blocks(1), slot_seconds=2, start_at=soon(-1.5))

    run_slots(planned, chambers, outcomes, 0, soon(20))

    assert outcomes.collect(1) == [b"1"]


def test_immediate_chambers_fill_the_lanes_and_no_more(outcomes: Outcomes) -> None:
    chambers = Pretended(outcomes, dict.fromkeys(range(9), 0.05))
    planned = plan(block_dirs=blocks(9), lanes=3, timing=Timing.IMMEDIATE)

    run_slots(planned, chambers, outcomes, 0, soon(20))

    assert chambers.most == 3
    assert outcomes.collect(9) == [b"1"] * 9


def test_immediate_chamber_with_an_outcome_is_not_run_again(outcomes: Outcomes) -> None:
    outcomes.write(1, b"0")
    chambers = Pretended(outcomes)

    run_slots(plan(block_dirs=blocks(3), timing=Timing.IMMEDIATE), chambers, outcomes, 0, soon(20))

    assert sorted(chambers.started) == [0, 2]
    assert outcomes.collect(3) == [b"1", b"0", b"1"]


def test_failure_of_the_machine_stops_all_lanes_and_is_raised(outcomes: Outcomes) -> None:
    class Failing(Pretended):
        def run(self, chamber: int, kill_at: datetime | None, until: datetime, clock: Clock) -> None:
            if chamber == 1:
                raise InfrastructureLost("engine-failed", "The engine failed.")
            super().run(chamber, kill_at, until, clock)

    chambers = Failing(outcomes, dict.fromkeys(range(50), 0.05))

    with pytest.raises(InfrastructureLost):
        run_slots(plan(block_dirs=blocks(50), timing=Timing.IMMEDIATE), chambers, outcomes, 0, soon(20))

    assert len(chambers.started) < 5
