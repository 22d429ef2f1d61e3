"""Claims, leases and fences: a worker that was overtaken writes nothing and disturbs nobody."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from sandbox.actions import run, seal
from sandbox.actions.lease import take
from sandbox.chambers.fake import Ending
from sandbox.domain.job import JobState
from sandbox.errors import Fenced
from sandbox.store import job, ledger
from sandbox.store.tables import JobEvent

SECOND = dt.timedelta(seconds=1)


def charges(kit: Any) -> list[str]:
    with kit.node.store.reading() as session:
        return [entry.order_id for entry in ledger.entries(session)]


def states(kit: Any, order: str) -> list[str]:
    with kit.node.store.reading() as session:
        events = session.query(JobEvent).filter_by(job_id=order).order_by(JobEvent.id)
        return [event.state for event in events]


def test_second_worker_finds_a_claimed_job_taken(kit: Any) -> None:
    order = kit.take()
    assert take(kit.node, order, "a:1:1") is not None
    assert take(kit.node, order, "b:1:1") is None


def test_lease_that_ran_out_is_taken_over_with_a_higher_fence(kit: Any) -> None:
    order = kit.take()
    first = take(kit.node, order, "a:1:1")
    kit.clock.advance(21)
    second = take(kit.node, order, "b:1:1")
    assert first is not None
    assert second is not None
    assert (first.fence, first.taken_over, second.fence, second.taken_over) == (1, False, 2, True)


@pytest.mark.parametrize("write", ["move", "note", "give_back", "extend", "seal", "acknowledge"])
def test_worker_that_was_overtaken_writes_nothing(kit: Any, write: str) -> None:
    order = kit.take()
    old = take(kit.node, order, "a:1:1")
    kit.clock.advance(21)
    assert take(kit.node, order, "b:1:1")
    before = _plain(kit.row(order))
    now = kit.clock()
    deeds = {
        "move": lambda s: job.move(s, old, JobState.VERIFIED, now),
        "note": lambda s: job.note(s, old, next_chamber=3),
        "give_back": lambda s: job.give_back(s, old, None, now),
        "extend": lambda s: job.extend(s, old, now + SECOND),
        "seal": lambda s: job.seal(s, old, b"receipt", b"release", now),
        "acknowledge": lambda s: job.acknowledge(s, old, now, receipt=True),
    }
    with pytest.raises(Fenced), kit.node.store.transaction() as session:
        deeds[write](session)
    assert _plain(kit.row(order)) == before
    assert kit.sealed(order) is None


def _plain(row: Any) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}


def test_frozen_worker_that_wakes_up_after_the_seal_changes_no_byte(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first worker stops between gate and seal; another one seals; the first goes on and is fenced off."""
    order = kit.take()
    real = seal.seal_release
    frozen = []

    def freeze(*given: Any) -> bytes:
        if not frozen:
            frozen.append(True)
            kit.clock.advance(30)
            kit.tick(order, "b:2:2")
        return real(*given)

    monkeypatch.setattr(seal, "seal_release", freeze)
    kit.tick(order, "a:1:1")
    first = kit.sealed(order)
    kit.finish(order)
    assert frozen
    assert kit.sealed(order).ciphertext == first.ciphertext
    assert states(kit, order).count("sealed") == 1
    assert charges(kit) == [order]


def test_slice_that_ends_too_early_goes_on_where_it_stopped(kit: Any) -> None:
    calls: list[Path] = []

    def slow(_input: bytes, block: Path) -> Ending:
        calls.append(block)
        kit.clock.advance(8)
        return Ending(wrote=b'{"share": 1}')

    kit.chamber = slow
    order = kit.take(order={"blocks": 8})
    kit.finish(order)
    assert len(calls) == len(set(calls)) == 8
    assert kit.row(order).run_fence == 0


def test_taken_over_run_removes_lower_fences_and_runs_only_what_is_open(kit: Any, monkeypatch: Any) -> None:
    ran: list[Path] = []

    def program(_input: bytes, block: Path) -> Ending:
        ran.append(block)
        kit.clock.advance(8)
        return Ending(wrote=b'{"share": 1}')

    kit.chamber = program
    order = kit.take(order={"blocks": 8})
    kit.tick(order)
    assert len(ran) == 2
    kit.clock.advance(1)
    dead = take(kit.node, order, "dead:1:1")
    kit.clock.advance(21)
    kit.finish(order)
    assert dead is not None
    assert kit.row(order).run_fence == dead.fence + 1
    assert (order, dead.fence + 1) in kit.runtime.removed
    assert len(ran) == 8
    assert charges(kit) == [order]


def test_worker_overtaken_while_staging_disturbs_nobody(kit: Any, monkeypatch: Any) -> None:
    """The first worker freezes before it stages; another one stages and runs; the first wakes up and stages late."""
    import sandbox.data.stage

    order = kit.take(order={"blocks": 8})
    real = sandbox.data.stage.stage
    woken: list[str] = []

    def program(_input: bytes, _block: Path) -> Ending:
        kit.clock.advance(8)
        return Ending(wrote=b'{"share": 1}')

    def freeze(*given: Any, **room: Any) -> Any:
        if not woken:
            woken.append("first")
            kit.clock.advance(30)
            kit.tick(order, "b:2:2")
        return real(*given, **room)

    kit.chamber = program
    monkeypatch.setattr(sandbox.data.stage, "stage", freeze)
    kit.tick(order, "a:1:1")
    directory = kit.node.run_directory(order)
    assert kit.row(order).state == "running"
    assert [path.name for path in directory.iterdir()] == ["2"]
    row = kit.finish(order)
    assert (row.state, row.losses, charges(kit)) == ("reported", 0, [order])


def test_chambers_of_an_overtaken_worker_are_removed_when_it_wakes_up(kit: Any, monkeypatch: Any) -> None:
    order = kit.take()
    real = run.run
    woken: list[str] = []

    def freeze(work: Any) -> Any:
        outcome = real(work)
        if not woken:
            woken.append("first")
            kit.clock.advance(30)
            kit.tick(order, "b:2:2")
            kit.runtime.removed.clear()
        return outcome

    monkeypatch.setattr(run, "run", freeze)
    kit.tick(order, "a:1:1")
    assert kit.runtime.removed == [(order, 1)]
