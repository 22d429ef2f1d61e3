"""Step 9: what is checked again inside the transaction, and that a refusal leaves the ledger as it was."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from protocol.documents.envelope import read_envelope
from protocol.documents.receipt import Receipt
from sandbox.actions import charge
from sandbox.domain.ledger import GENESIS
from sandbox.store import ledger
from sandbox.store.ledger_head import read_head


def receipt_of(kit: Any, order: str) -> Receipt:
    return read_envelope(kit.sealed(order).receipt).untrusted(Receipt)


def head(kit: Any) -> str:
    with kit.node.store.reading() as session:
        return ledger.head(session).digest


def terms(kit: Any, **changes: Any) -> dict[str, Any]:
    conditions = {"conditions": kit.world.conditions(**changes)}
    return {"meri": conditions, "mikko": conditions}


def refused(kit: Any, order: str) -> str:
    before = head(kit)
    assert kit.finish(order).state == "refused"
    receipt = receipt_of(kit, order)
    assert (receipt.decision, receipt.rho_charged_nano, receipt.release_digest) == ("refused", 0, None)
    assert head(kit) == before
    return receipt.code


def test_nonce_used_by_the_same_researcher_is_a_replay(kit: Any) -> None:
    kit.finish(kit.take(order={"nonce": "b" * 32}))
    again = kit.take(order={"nonce": "b" * 32, "not_after": kit.clock() + dt.timedelta(hours=3)})
    assert refused(kit, again) == "order-replayed"


def test_runs_that_the_approvals_allow_are_counted(kit: Any) -> None:
    allowed = {"approvals": terms(kit, runs_per_node=2)}
    assert [kit.finish(kit.take(**allowed)).state for _ in range(2)] == ["reported"] * 2
    assert refused(kit, kit.take(**allowed)) == "runs-exceeded"


def test_rho_that_the_approvals_allow_at_this_node_is_added_up(kit: Any) -> None:
    allowed = {"approvals": terms(kit, rho_total_per_node_nano=3_999_999)}
    assert kit.finish(kit.take(**allowed)).state == "reported"
    assert refused(kit, kit.take(**allowed)) == "approval-rho-exceeded"


@pytest.mark.parametrize(
    ("cap", "code"),
    [
        ("job_cap_nano", "budget-job"),
        ("project_cap_nano", "budget-project"),
        ("algorithm_cap_nano", "budget-algorithm"),
        ("dataset_cap_nano", "budget-dataset"),
        ("pool_cap_nano", "budget-pool"),
    ],
)
def test_each_cap_of_the_policy_refuses_by_its_name(kit: Any, cap: str, code: str) -> None:
    kit.with_policy(**{cap: 1_999_999})
    assert refused(kit, kit.take()) == code


def test_last_nano_of_a_budget_may_be_spent(kit: Any) -> None:
    kit.with_policy(pool_cap_nano=4_000_000)
    assert [kit.finish(kit.take()).state for _ in range(2)] == ["reported"] * 2
    assert refused(kit, kit.take()) == "budget-pool"


def test_project_whose_jobs_failed_too_often_is_refused(kit: Any) -> None:
    kit.with_policy(project_failures=0)
    kit.lose(times=3)
    assert kit.finish(kit.take()).state == "failed"
    assert refused(kit, kit.take(algorithm={"version": "2.0.0"})) == "project-failures"


@pytest.mark.parametrize("between", ["window ended", "person revoked"])
def test_what_changed_since_the_plan_is_seen_by_the_charge(
    kit: Any, between: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from factory import OFFICE

    from sandbox.actions.intake import note_statuses

    def revoke() -> None:
        status = kit.world.status(version=2, revoked={"persons": ["rita"]})
        note_statuses(kit.node, [kit.world.sign(status, OFFICE)])

    changes: dict[str, tuple[Callable[[], None], str]] = {
        "window ended": (lambda: kit.clock.advance(25 * 3600), "order-window"),
        "person revoked": (revoke, "person-revoked"),
    }
    change, code = changes[between]
    real = charge.examine

    def examine_then_change(*given: Any) -> Any:
        examined = real(*given)
        change()
        return examined

    monkeypatch.setattr(charge, "examine", examine_then_change)
    assert refused(kit, kit.take()) == code


def test_head_outside_the_database_follows_the_charge(kit: Any) -> None:
    path = kit.node.places.ledger_head
    assert read_head(path) == GENESIS
    kit.finish(kit.take())
    assert read_head(path).digest == head(kit)


def test_head_that_a_crash_left_behind_is_written_before_data_is_staged(kit: Any, monkeypatch: Any) -> None:
    def crash(*_: Any) -> None:
        raise SystemExit

    order = kit.take()
    monkeypatch.setattr(charge, "write_head", crash)
    with pytest.raises(SystemExit):
        kit.tick(order)
    assert read_head(kit.node.places.ledger_head) == GENESIS
    kit.clock.advance(30)
    kit.finish(order)
    assert read_head(kit.node.places.ledger_head).digest == head(kit)


def test_receipt_carries_the_heads_and_rest_of_its_own_charge(kit: Any) -> None:
    first = kit.take()
    kit.finish(first)
    then = head(kit)
    kit.finish(kit.take())
    receipt = receipt_of(kit, first)
    assert receipt.ledger_head == then
    assert receipt.rho_left_nano == kit.node.trust.policy.project_cap_nano - 2_000_000
