"""Ticks: claims, leases, fences, what each failure leads to, and that nothing is charged, released or sent twice."""

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from factory import recipient_key

from protocol.chain import open_release
from protocol.documents.envelope import read_envelope
from protocol.documents.receipt import Receipt
from sandbox.actions import run, sweep
from sandbox.actions.cancel import cancel_job, lift
from sandbox.actions.lease import take
from sandbox.chambers.fake import Ending
from sandbox.errors import InfrastructureLost, LedgerBroken, Unreachable
from sandbox.store import ledger, rings
from sandbox.store.tables import JobEvent

SECOND = dt.timedelta(seconds=1)


def receipt_of(kit: Any, order: str) -> Receipt:
    sealed = kit.sealed(order)
    assert sealed is not None
    return read_envelope(sealed.receipt).untrusted(Receipt)


def charges(kit: Any) -> list[str]:
    with kit.node.store.reading() as session:
        return [entry.order_id for entry in ledger.entries(session)]


def states(kit: Any, order: str) -> list[str]:
    with kit.node.store.reading() as session:
        events = session.query(JobEvent).filter_by(job_id=order).order_by(JobEvent.id)
        return [event.state for event in events]


def test_order_goes_through_every_state_to_a_sealed_release(kit: Any) -> None:
    order = kit.take()
    row = kit.finish(order)
    assert states(kit, order) == ["received", "verified", "charged", "staged", "running", "sealed", "reported"]
    release = open_release(kit.sealed(order).ciphertext, receipt_of(kit, order), recipient_key())
    assert (release.order, release.blocks, release.people) == (order, 4, 400)
    assert (row.state, charges(kit)) == ("reported", [order])


def test_receipt_is_sent_before_the_release(kit: Any) -> None:
    order = kit.take()
    kit.finish(order)
    paths = [path for _, path, _ in kit.registry.calls if "images" not in path]
    assert paths == ["/nodes/node-fi/receipts", f"/nodes/node-fi/releases/{order}"]


def test_release_waits_for_the_acknowledgement_of_the_receipt(kit: Any) -> None:
    kit.registry.status_of["receipts"] = 503
    order = kit.take()
    row = kit.tick(order)
    assert (row.state, row.code) == ("sealed", "registry-unavailable")
    assert not kit.registry.sent("releases")


def test_nothing_of_the_chambers_stays_when_a_job_is_sealed(kit: Any) -> None:
    order = kit.take()
    kit.tick(order)
    assert not kit.node.run_directory(order).exists()


def test_machine_that_fails_twice_runs_again_within_the_same_charge(kit: Any) -> None:
    order = kit.take()
    kit.lose(times=2)
    row = kit.finish(order)
    assert (row.state, row.losses, charges(kit)) == ("reported", 2, [order])
    assert states(kit, order).count("charged") == 3


def test_machine_that_fails_three_times_keeps_the_charge_and_says_failed(kit: Any) -> None:
    order = kit.take()
    kit.lose(times=3)
    row = kit.finish(order)
    receipt = receipt_of(kit, order)
    assert (row.state, receipt.decision, receipt.code) == ("failed", "failed", "engine-failed")
    assert (receipt.rho_charged_nano, receipt.release_digest, charges(kit)) == (2_000_000, None, [order])
    assert not kit.registry.sent("releases")


def test_job_ends_at_its_third_loss_also_while_the_engine_is_away(kit: Any, monkeypatch: Any) -> None:
    """Else a lease would run out instead, and the image that brought the engine down would run a fourth time."""

    def away(*_: object) -> int:
        raise Unreachable("engine-unreachable", "The engine does not answer.")

    def break_down(*_: object) -> int:
        kit.runtime.remove_below = away
        raise InfrastructureLost("engine-died", "The engine went away while it ran chambers.")

    order = kit.take()
    kit.lose(times=2)
    row = kit.tick(order)
    while row.losses < 2:
        kit.clock.at = max(kit.clock.at, row.due_at)
        row = kit.tick(order)
    monkeypatch.setattr(kit.runtime, "run_slice", break_down)
    kit.clock.at = max(kit.clock.at, row.due_at)
    row = kit.tick(order)
    assert (row.state, row.code, row.lease_owner) == ("failed", "engine-died", None)


def test_failed_algorithm_is_quarantined_until_an_admin_looked(kit: Any) -> None:
    kit.lose(times=3)
    kit.finish(kit.take())
    refused = kit.take()
    kit.finish(refused)
    assert receipt_of(kit, refused).code == "algorithm-quarantined"
    kit.clock.advance(1)
    lift(kit.node.store, kit.row(refused).algorithm, "the disk was full", kit.clock())
    again = kit.take()
    assert kit.finish(again).state == "reported"


def test_lost_staging_is_staged_again(kit: Any, monkeypatch: Any) -> None:
    order = kit.take()
    lost = []
    real = run.run

    def run_once_without(work: Any) -> Any:
        if not lost:
            lost.append(True)
            shutil.rmtree(kit.node.run_directory(order))
        return real(work)

    monkeypatch.setattr(run, "run", run_once_without)
    row = kit.finish(order)
    assert (row.state, row.losses) == ("reported", 1)


def test_chamber_that_says_nothing_is_a_default_and_no_failure(kit: Any) -> None:
    kit.chamber = lambda _input, _block: Ending(exit_code=1)
    order = kit.take()
    row = kit.finish(order)
    assert (row.state, row.losses, row.code) == ("reported", 0, None)


def test_error_of_our_own_before_the_charge_ends_refused_with_a_receipt(kit: Any, monkeypatch: Any) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("what the message says must not be kept")

    monkeypatch.setattr(kit.node.trust.book.__class__, "check", broken)
    order = kit.take()
    row = kit.finish(order)
    assert (row.state, row.code, charges(kit)) == ("refused", "internal-error", [])
    assert "message" not in receipt_of(kit, order).reason


def test_unreachable_registry_delays_more_each_time_and_loses_nothing(kit: Any) -> None:
    order = kit.take()
    kit.registry.status = 503
    pauses = []
    for _ in range(4):
        row = kit.tick(order)
        assert row.due_at is not None
        pauses.append((row.due_at - kit.clock()) / SECOND)
        kit.clock.at = row.due_at
    kit.registry.status = 200
    assert pauses == [1, 2, 4, 8]
    assert kit.finish(order).state == "reported"


def test_ledger_that_was_rolled_back_holds_every_job(kit: Any) -> None:
    def rolled_back(*_: Any, **__: Any) -> None:
        raise LedgerBroken("ledger-rolled-back", "A backup was restored.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "charge", rolled_back)
        order = kit.take()
        row = kit.tick(order)
    assert (row.state, row.code, charges(kit)) == ("held", "ledger-rolled-back", [])
    kit.clock.at = row.due_at
    assert kit.finish(order).state == "reported"


def test_ring_before_its_time_does_nothing(kit: Any) -> None:
    order = kit.take()
    kit.registry.status = 503
    row = kit.tick(order)
    assert kit.tick(order).fence == row.fence


def test_registry_that_will_not_take_a_receipt_is_not_asked_for_ever(kit: Any) -> None:
    kit.registry.status_of["receipts"] = 409
    order = kit.take(order={"blocks": 1})
    row = kit.finish(order)
    assert (row.state, row.code, row.due_at) == ("refused", "declined-told-so", None)
    assert kit.sealed(order) is not None


def test_clock_far_behind_the_mark_holds_every_job(kit: Any) -> None:
    kit.node.clock.save()
    order = kit.take()
    kit.clock.advance(-3600)
    row = kit.tick(order)
    assert (row.state, row.code) == ("held", "clock-behind")
    kit.clock.advance(3700)
    assert kit.finish(order).state == "reported"


def test_cancel_before_the_charge_costs_nothing(kit: Any) -> None:
    order = kit.take()
    cancel_job(kit.node.store, order, "a test", kit.clock())
    assert kit.finish(order).state == "cancelled"
    assert (receipt_of(kit, order).decision, charges(kit)) == ("cancelled", [])


def test_cancel_during_the_run_keeps_the_charge(kit: Any) -> None:
    def program(_input: bytes, _block: Path) -> Ending:
        kit.clock.advance(8)
        return Ending(wrote=b'{"share": 1}')

    kit.chamber = program
    order = kit.take(order={"blocks": 8})
    kit.tick(order)
    cancel_job(kit.node.store, order, "a test", kit.clock())
    assert kit.finish(order).state == "cancelled"
    assert (receipt_of(kit, order).rho_charged_nano, charges(kit)) == (2_000_000, [order])
    assert kit.sealed(order).ciphertext is None


def test_order_known_already_is_answered_with_the_same_bytes(kit: Any) -> None:
    bundle = kit.bundle()
    from sandbox.actions.intake import Intake, take_in

    _, order = take_in(kit.node, bundle.to_json())
    kit.finish(order)
    receipts, releases = kit.registry.sent("receipts"), kit.registry.sent("releases")
    assert take_in(kit.node, bundle.to_json()) == (Intake.KNOWN, order)
    kit.finish(order)
    assert kit.registry.sent("receipts") == receipts * 2
    assert kit.registry.sent("releases") == releases * 2
    assert charges(kit) == [order]


def test_padded_release_leaves_at_its_epoch_whatever_the_chambers_did(kit: Any) -> None:
    kit.with_policy(timing="padded", epoch_seconds=60)
    order = kit.take()
    planned = None
    for _ in range(20):
        row = kit.tick(order)
        planned = planned or row.release_at
        if row.state == "sealed":
            break
        kit.clock.at = max(kit.clock.at, row.due_at)
    assert (row.state, row.due_at, row.release_at) == ("sealed", planned, planned)
    assert planned.second == 0
    assert not kit.registry.sent("receipts")
    assert kit.finish(order).state == "reported"
    assert receipt_of(kit, order).issued == planned


def test_padded_job_taken_over_moves_by_whole_epochs(kit: Any) -> None:
    kit.with_policy(timing="padded", epoch_seconds=60)
    order = kit.take()
    row = kit.tick(order)
    start, planned = row.start_at, row.release_at
    kit.clock.at = row.due_at
    assert take(kit.node, order, "dead:1:1")
    kit.clock.advance(100)
    kit.finish(order, rings=30)
    moved = kit.row(order)
    shift = moved.release_at - planned
    assert shift == moved.start_at - start
    assert (shift.total_seconds() > 0, shift.total_seconds() % 60) == (True, 0)
    assert moved.state == "reported"


def test_sweeper_rings_for_a_job_whose_ring_was_lost(kit: Any) -> None:
    order = kit.take()
    with kit.node.store.transaction() as session:
        rings.forget_rings(session, [row for row, *_ in rings.unsent_rings(session, 10, kit.clock())])
    assert sweep.sweep(kit.node) == 0
    kit.clock.advance(11)
    assert sweep.sweep(kit.node) == 1
    assert kit.rings() == [order]
    assert sweep.sweep(kit.node) == 0


def test_burying_a_dead_worker_frees_its_jobs_at_once(kit: Any) -> None:
    order = kit.take()
    take(kit.node, order, "host:77:78")
    assert sweep.bury_worker(kit.node, "host:77:") == 1
    assert sweep.sweep(kit.node) == 1
    assert take(kit.node, order, "host:99:1").taken_over


def test_burying_one_worker_leaves_another_with_a_longer_number_alone(kit: Any) -> None:
    order = kit.take()
    take(kit.node, order, "host:777:78")
    assert sweep.bury_worker(kit.node, "host:77:") == 0


def test_reaper_keeps_what_live_jobs_staged_and_removes_the_rest(kit: Any) -> None:
    def program(_input: bytes, _block: Path) -> Ending:
        kit.clock.advance(8)
        return Ending(wrote=b'{"share": 1}')

    kit.chamber = program
    order = kit.take(order={"blocks": 8})
    kit.tick(order)
    (kit.node.places.run / ("f" * 64)).mkdir()
    sweep.reap(kit.node)
    assert [path.name for path in kit.node.places.run.iterdir()] == [order]
    assert kit.live() == {order}


def test_chambers_are_told_parameters_and_public_facts_only(kit: Any) -> None:
    given: list[dict[str, Any]] = []

    def program(text: bytes, block: Path) -> Ending:
        given.append(json.loads(text))
        return Ending(wrote=b'{"share": 1}')

    kit.chamber = program
    kit.finish(kit.take())
    facts = {"people": 400, "maximum_family_size": 4, "assembly": "GRCh38", "dataset": "cohort-fi"}
    assert given == [{"parameters": {}, "facts": facts}] * 4
