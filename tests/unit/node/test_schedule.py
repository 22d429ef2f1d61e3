"""A job's times follow from public numbers alone, lie on the grid, and never overlap another's reservation."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.schedule import GATE_AND_MARGIN, Schedule, make_schedule, next_epoch, postpone

NOW = dt.datetime(2026, 11, 23, 8, 0, 7, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
seconds = st.integers(0, 10**7).map(lambda count: NOW + count * SECOND)
epochs = st.integers(1, 7200)


def schedule(**changes: object) -> Schedule:
    numbers = {
        "padded": True,
        "chambers": 10,
        "lanes": 3,
        "slot_milliseconds": 20_000,
        "epoch_seconds": 60,
        "reserved_until": None,
    }
    return make_schedule(NOW, **(numbers | changes))


def test_slots_are_counted_in_full_rows() -> None:
    made = schedule(chambers=10, lanes=3, slot_milliseconds=20_000)
    assert made.slots_end_at - made.start_at == 80 * SECOND


def test_padded_release_leaves_at_the_first_epoch_after_slots_and_gate() -> None:
    made = schedule()
    assert made.release_at >= made.slots_end_at + GATE_AND_MARGIN
    assert made.release_at - made.slots_end_at - GATE_AND_MARGIN < 60 * SECOND


def test_padded_job_begins_behind_the_reservations_before_it() -> None:
    busy = NOW + 3600 * SECOND
    assert schedule(reserved_until=busy).start_at == busy


def test_staging_of_more_chambers_is_given_more_time() -> None:
    assert schedule(chambers=1000).start_at > schedule(chambers=10).start_at


def test_immediate_job_begins_and_leaves_without_waiting() -> None:
    made = schedule(padded=False, reserved_until=NOW + 3600 * SECOND)
    assert made.start_at == made.release_at == NOW


@given(seconds, epochs)
def test_next_epoch_is_on_the_grid_not_before_and_less_than_one_later(moment: dt.datetime, epoch: int) -> None:
    found = next_epoch(moment, epoch)
    assert found.timestamp() % epoch == 0
    assert dt.timedelta() <= found - moment < epoch * SECOND


@given(st.integers(-1000, 100_000), epochs)
def test_postponing_moves_everything_by_as_few_whole_epochs_as_reach(late: int, epoch: int) -> None:
    before = schedule(epoch_seconds=epoch)
    after = postpone(before, late * SECOND, epoch)
    shift = after.start_at - before.start_at
    assert shift == after.slots_end_at - before.slots_end_at == after.release_at - before.release_at
    assert shift.total_seconds() % epoch == 0
    assert max(late, 0) <= shift.total_seconds() < max(late, 0) + epoch
