"""When a job's chambers run and when its answer leaves: fixed at the charge, from public numbers only (DESIGN 6).

A `padded` job reserves its staging, all its slots, the gate and a margin, behind the reservations of the padded jobs
before it; its release leaves at the next epoch after that. Nothing that happens during the run moves it, except whole
epochs: when the machine failed and the rest must run anew. An `immediate` job starts at once and leaves when it is
ready; its release says that its claim is conditional on no timing channel.
"""

import datetime as dt
from dataclasses import dataclass, replace

STAGING = dt.timedelta(seconds=5)
STAGING_PER_CHAMBER = dt.timedelta(milliseconds=20)
GATE_AND_MARGIN = dt.timedelta(seconds=5)

_EPOCH_ZERO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The first slot's start, the last slot's end, and when the release leaves (immediate: as soon as it is ready)."""

    start_at: dt.datetime
    slots_end_at: dt.datetime
    release_at: dt.datetime


def make_schedule(
    now: dt.datetime,
    *,
    padded: bool,
    chambers: int,
    lanes: int,
    slot_milliseconds: int,
    epoch_seconds: int,
    reserved_until: dt.datetime | None,
) -> Schedule:
    """Reserve the time of one job; `reserved_until` is the end of the reservations before it."""
    length = dt.timedelta(milliseconds=slot_milliseconds) * -(-chambers // lanes)
    if not padded:
        return Schedule(start_at=now, slots_end_at=now + length, release_at=now)
    start = max(now + STAGING + STAGING_PER_CHAMBER * chambers, reserved_until or now)
    end = start + length
    return Schedule(start_at=start, slots_end_at=end, release_at=next_epoch(end + GATE_AND_MARGIN, epoch_seconds))


def postpone(schedule: Schedule, by_at_least: dt.timedelta, epoch_seconds: int) -> Schedule:
    """Move a whole schedule by as few whole epochs as reach `by_at_least`."""
    epoch = dt.timedelta(seconds=epoch_seconds)
    epochs = max(0, -(-by_at_least // epoch))
    return replace(
        schedule,
        start_at=schedule.start_at + epochs * epoch,
        slots_end_at=schedule.slots_end_at + epochs * epoch,
        release_at=schedule.release_at + epochs * epoch,
    )


def next_epoch(moment: dt.datetime, epoch_seconds: int) -> dt.datetime:
    """The first moment of the fixed grid that is not before `moment`."""
    epoch = dt.timedelta(seconds=epoch_seconds)
    return _EPOCH_ZERO - (-(moment - _EPOCH_ZERO) // epoch) * epoch
