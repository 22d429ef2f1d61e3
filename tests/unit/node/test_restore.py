"""A restored backup makes no order run twice and no charge vanish: two persons import what was witnessed."""

import datetime as dt
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from factory import private_key
from restored import RHO, Restored
from sqlalchemy import text

from protocol.documents.envelope import read_envelope, sign_statement
from protocol.documents.receipt import Receipt
from protocol.errors import SafeconductError
from sandbox.actions.intake import Intake, take_in
from sandbox.domain.ledger import Scope
from sandbox.store import usage
from sandbox.store.ledger_head import read_head


@pytest.fixture
def it(kit: Any) -> Restored:
    return Restored(kit)


def refused(do: Any) -> str:
    with pytest.raises(SafeconductError) as caught:
        do()
    return caught.value.code


def receipt_of(kit: Any, order: str) -> Receipt:
    return read_envelope(kit.sealed(order).receipt).untrusted(Receipt)


def test_witnessed_charges_come_back_and_the_rest_is_reserved(it: Restored) -> None:
    kit = it.kit
    kept = kit.take()
    kit.finish(kept)
    it.save()
    proved, secret = kit.take(), kit.take()
    for order in (proved, secret):
        kit.finish(order)
    algorithm = receipt_of(kit, proved).algorithm
    receipts = it.sealed(kept, proved)
    it.turn_back()

    assert it.opens() == "ledger-rolled-back"
    head = it.apply(receipts)

    assert it.opens() == "opens"
    assert read_head(kit.node.places.ledger_head) == head
    assert head.sequence > 3  # no number of a lost entry means two charges
    cap = kit.node.trust.policy.job_cap_nano
    assert it.spent(Scope.POOL, "people") == it.spent(Scope.LINEAGE, "cohort-fi") == 2 * RHO + cap
    assert it.spent(Scope.PROJECT, "t2d") == it.spent(Scope.ALGORITHM, algorithm) == 2 * RHO
    with kit.node.store.reading() as session:
        assert usage.of_approval(session, algorithm, "t2d") == usage.Usage(runs=2, rho_nano=2 * RHO)


def test_order_that_was_witnessed_gets_its_first_receipt_and_never_runs(it: Restored) -> None:
    kit = it.kit
    it.save()
    bundle = kit.bundle()
    _, order = take_in(kit.node, bundle.to_json())
    kit.finish(order)
    answered = it.sealed(order)
    it.turn_back()
    it.apply(answered)
    kit.clock.advance(600)

    assert take_in(kit.node, bundle.to_json()) == (Intake.TAKEN, order)
    kit.chamber = _never
    kit.finish(order)

    assert it.sealed(order) == answered
    assert kit.sealed(order).ciphertext is None
    assert it.charges(order) == 1


def test_order_that_nobody_witnessed_is_refused_when_it_comes_again(it: Restored) -> None:
    kit = it.kit
    it.save()
    bundle = kit.bundle()
    _, order = take_in(kit.node, bundle.to_json())
    kit.finish(order)
    it.turn_back()
    it.apply([])
    kit.clock.advance(600)
    take_in(kit.node, bundle.to_json())
    kit.chamber = _never

    assert kit.finish(order).state == "refused"
    assert receipt_of(kit, order).code == "order-before-restore"
    assert it.charges(order) == 0


def test_jobs_that_the_backup_holds_unfinished_never_make_a_second_answer(it: Restored) -> None:
    kit = it.kit
    charged, witnessed, waiting = kit.take(), kit.take(), kit.take()
    for order in (charged, witnessed):
        kit.lose(times=1)
        assert kit.tick(order).state == "charged"
    it.save()
    for order in (charged, witnessed, waiting):
        kit.clock.advance(5)
        kit.finish(order)
    answered = it.sealed(witnessed)
    it.turn_back()
    it.apply(answered)
    kit.clock.advance(600)
    kit.chamber = _never

    states = {order: kit.finish(order) for order in (charged, witnessed, waiting)}

    assert [row.state for row in states.values()] == ["cancelled", "cancelled", "refused"]
    assert it.sealed(witnessed) == answered
    ended = receipt_of(kit, charged)
    assert (ended.decision, ended.code, ended.rho_charged_nano) == ("cancelled", "ledger-restored", RHO)
    assert receipt_of(kit, waiting).code == "order-before-restore"
    assert [it.charges(order) for order in (charged, witnessed, waiting)] == [1, 1, 0]


def test_order_signed_after_the_restore_runs(it: Restored) -> None:
    kit = it.kit
    it.save()
    kit.finish(kit.take())
    it.turn_back()
    it.apply([])
    kit.clock.advance(600)
    begins = {"not_before": kit.clock(), "not_after": kit.clock() + dt.timedelta(hours=1)}

    order = kit.take(order=begins)

    assert kit.finish(order).state == "reported"
    assert it.opens() == "opens"


def test_project_that_the_lost_charges_filled_stays_full(it: Restored) -> None:
    kit = it.kit
    kit.with_policy(project_cap_nano=RHO)
    it.save()
    order = kit.take()
    kit.finish(order)
    receipts = it.sealed(order)
    it.turn_back()
    it.apply(receipts)
    kit.clock.advance(600)
    begins = {"not_before": kit.clock(), "not_after": kit.clock() + dt.timedelta(hours=1)}

    again = kit.take(order=begins)

    assert kit.finish(again).state == "refused"
    assert receipt_of(kit, again).code == "budget-project"


def test_two_distinct_custodians_must_sign(it: Restored) -> None:
    it.save()
    it.kit.finish(it.kit.take())
    it.turn_back()

    for signers in (("cleo",), ("cleo", "cleo-2"), ("cleo", "mallory"), ("holder-fi", "office-eu")):
        raw = it.document([], *signers)
        assert refused(partial(it.apply, [], raw)) == "restore-persons", signers
    assert it.opens() == "ledger-rolled-back"
    it.apply([], it.document([], "cleo-2", "carl-2"))
    assert it.opens() == "opens"


def test_receipt_that_this_node_never_signed_is_refused(it: Restored) -> None:
    it.save()
    order = it.kit.take()
    it.kit.finish(order)
    forged = sign_statement(receipt_of(it.kit, order), [private_key("mallory")])
    it.turn_back()

    assert refused(lambda: it.document([], "cleo", "cleo")) == "already-signed"

    assert refused(lambda: it.document([forged])) == "receipt-signature"


#: What the document says instead, and how it is refused.
OTHERWISE: list[tuple[dict[str, Any], str]] = [
    ({"reserve_nano": 0}, "restore-reserve"),
    ({"ledger_head": "0" * 64}, "restore-other-ledger"),
    ({"ledger_sequence": 7}, "restore-other-ledger"),
    ({"witnessed_head": "0" * 64}, "restore-other-head"),
    ({"receipts": ("0" * 64,)}, "restore-receipts"),
    ({"node": "node-es"}, "restore-other-node"),
]


def test_document_about_anything_else_is_refused(it: Restored) -> None:
    it.save()
    it.kit.finish(it.kit.take())
    it.turn_back()

    for changes, code in OTHERWISE:
        raw = it.document([], changes=changes)
        assert refused(partial(it.apply, [], raw)) == code, changes
    assert it.opens() == "ledger-rolled-back"
    least = it.kit.node.trust.policy.job_cap_nano
    assert refused(lambda: it.document([], reserve=least - 1)) == "restore-reserve"
    it.apply([], it.document([], reserve=least + 5))
    assert it.spent(Scope.POOL, "people") == least + 5


def test_document_is_good_once(it: Restored) -> None:
    it.save()
    it.kit.finish(it.kit.take())
    it.turn_back()
    raw = it.document([])
    it.apply([], raw)

    assert refused(lambda: it.apply([], raw)) == "restore-needless"
    it.turn_back()  # the same backup once more: the head outside knows better
    assert it.opens() == "ledger-rolled-back"
    assert refused(lambda: it.apply([], raw)) == "restore-other-head"


def test_healthy_ledger_needs_no_restore(it: Restored) -> None:
    order = it.kit.take()
    it.kit.finish(order)

    assert refused(lambda: it.document(it.sealed(order))) == "restore-needless"


def test_head_lost_with_the_disk_is_made_good_by_receipts(it: Restored) -> None:
    kit = it.kit
    it.save()
    order = kit.take()
    kit.finish(order)
    receipts = it.sealed(order)
    it.turn_back()
    kit.node.places.ledger_head.unlink()
    assert it.opens() == "ledger-head-missing"

    head = it.apply(receipts)

    assert (it.opens(), read_head(kit.node.places.ledger_head)) == ("opens", head)
    assert it.spent(Scope.POOL, "people") == RHO + kit.node.trust.policy.job_cap_nano  # nobody knows how many more


def test_head_file_alone_that_is_lost_costs_a_reserve(it: Restored) -> None:
    it.kit.finish(it.kit.take())
    it.kit.node.places.ledger_head.unlink()

    it.apply([])

    assert it.opens() == "opens"
    assert it.spent(Scope.POOL, "people") == RHO + it.kit.node.trust.policy.job_cap_nano


def test_reserve_counts_the_highest_job_cap_that_is_known(it: Restored) -> None:
    it.save()
    it.kit.finish(it.kit.take())
    it.turn_back()
    high = it.kit.node.trust.policy.job_cap_nano
    it.kit.with_policy(job_cap_nano=RHO)  # lowered since, while the database remembers the first

    it.apply([])

    assert it.spent(Scope.POOL, "people") == high


def test_power_cut_before_the_head_is_written_leaves_a_node_that_opens(it: Restored, monkeypatch: Any) -> None:
    def crash(*_: Any) -> None:
        raise SystemExit

    kit = it.kit
    it.save()
    kit.finish(kit.take())
    it.turn_back()
    raw = it.document([])
    with monkeypatch.context() as patched:
        patched.setattr("sandbox.actions.restore.replace_head", crash)
        with pytest.raises(SystemExit):
            it.apply([], raw)

    assert it.opens() == "opens"
    assert refused(lambda: it.apply([], raw)) == "restore-needless"


def test_order_charged_in_two_histories_counts_twice(it: Restored) -> None:
    """A disk and its head were turned back together, nobody noticed, and the same order ran again."""
    kit = it.kit
    it.save()
    early = read_head(kit.node.places.ledger_head)
    bundle = kit.bundle()
    _, order = take_in(kit.node, bundle.to_json())
    kit.finish(order)
    first = it.sealed(order)
    it.turn_back()
    kit.node.places.ledger_head.unlink()
    _write(kit, early)
    kit.clock.advance(60)
    take_in(kit.node, bundle.to_json())
    kit.finish(order)
    assert it.opens() == "opens"

    it.apply(first)

    assert it.spent(Scope.POOL, "people") == 2 * RHO
    assert refused(lambda: it.apply(first)) == "restore-needless"


def test_restored_entries_cannot_be_edited_away(it: Restored) -> None:
    it.save()
    it.kit.finish(it.kit.take())
    it.turn_back()
    it.apply([])
    with it.kit.node.store.transaction() as session:
        session.execute(text("UPDATE ledger_entry SET kind = 'charge' WHERE kind = 'reserve'"))

    assert it.opens() == "ledger-entry"


def _write(kit: Any, head: Any) -> None:
    from sandbox.store.ledger_head import replace_head

    replace_head(kit.node.places.ledger_head, head)


def _never(_input: bytes, _block: Path) -> Any:
    raise AssertionError("a chamber saw data again")
