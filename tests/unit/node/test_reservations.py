"""A padded job starts behind the reservations before it, never earlier because one of them was sealed early."""

import datetime as dt
from typing import Any

from sandbox.actions import turns
from sandbox.actions.cancel import cancel_job
from sandbox.domain.turns import Need

SECOND = dt.timedelta(seconds=1)


def test_second_padded_job_is_scheduled_behind_the_first(kit: Any) -> None:
    kit.with_policy(timing="padded", epoch_seconds=60)
    first, second = kit.tick(kit.take()), kit.tick(kit.take())
    assert second.start_at >= first.slots_end_at


def test_second_padded_job_is_scheduled_behind_the_first_also_when_that_was_sealed_early(kit: Any) -> None:
    """Else one person in the last block, for whom it sleeps, would decide when the next job starts."""
    kit.with_policy(timing="padded", epoch_seconds=60)
    first = kit.take()
    while (row := kit.tick(first)).state != "sealed":
        kit.clock.at = max(kit.clock.at, row.due_at)
    assert kit.clock.at + 10 * SECOND < row.slots_end_at
    assert kit.tick(kit.take()).start_at == row.slots_end_at


def test_reservation_of_a_cancelled_job_is_given_back(kit: Any) -> None:
    kit.with_policy(timing="padded", epoch_seconds=60)
    first = kit.take()
    row = kit.tick(first)
    cancel_job(kit.node.store, first, "admin", kit.clock())
    kit.tick(first)
    assert kit.tick(kit.take()).start_at < row.slots_end_at


def test_job_that_would_stage_more_than_it_reserved_stages_nothing_and_fails(kit: Any, monkeypatch: Any) -> None:
    """No order and nobody's data bring this about: a reservation is an upper bound, unless public facts are wrong."""
    monkeypatch.setattr(turns, "need_of", lambda **_: Need(memory=1, staging=40_000))
    order = kit.take()
    row = kit.finish(order)
    assert (row.state, row.code, row.losses) == ("failed", "staging-exceeded", 2)
    assert not kit.node.run_directory(order).exists()
