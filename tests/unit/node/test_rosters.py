"""A roster counts after the trust root's delay or on the admin's word; meanwhile the one before it goes on."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from factory import COMMITTEE, OFFICE, digest_of

from protocol.errors import Refused
from sandbox.actions.intake import note_statuses, take_in
from sandbox.actions.rosters import add_roster, decide_roster, list_rosters
from sandbox.errors import BadInput
from sandbox.store.audit import AuditRow
from sandbox.store.memory import read_memory

DELAY = 48
HOUR = 3600


@pytest.fixture
def slow(kit: Any) -> Any:
    """The node, with a trust root that lets rosters count after two days."""
    root = kit.world.open_root(roster_delay_hours=DELAY)
    kit.node = replace(kit.node, trust=replace(kit.node.trust, root=root))
    return kit


def order_for(kit: Any, hours: int = 100) -> str:
    return kit.take(
        order={"not_after": kit.clock() + dt.timedelta(hours=hours)}, status={"expires": kit.world.now + 6 * DAY}
    )


DAY = dt.timedelta(days=1)


def roster_of(kit: Any) -> str:
    return digest_of(kit.bundle().rosters[0])


def waits(kit: Any, order: str) -> str | None:
    row = kit.tick(order)
    assert row.state == "held"
    return row.code


def test_new_roster_holds_the_order_until_its_delay_is_over(slow: Any) -> None:
    order = order_for(slow)
    assert waits(slow, order) == "roster-delayed"
    slow.clock.advance(DELAY * HOUR)
    assert slow.finish(order).state == "reported"


def test_new_roster_counts_at_once_when_the_admin_accepts_it(slow: Any) -> None:
    order = order_for(slow)
    assert waits(slow, order) == "roster-delayed"
    decided = decide_roster(
        slow.node.store, slow.node.trust.root, roster_of(slow), "minutes of 12 May", slow.clock(), accept=True
    )
    assert (decided["decision"], decided["counts_from"]) == ("accepted", slow.clock())
    slow.clock.advance(60)
    assert slow.finish(order).state == "reported"


def test_order_whose_window_ends_first_is_refused_with_a_receipt(slow: Any) -> None:
    order = order_for(slow, hours=2)
    assert waits(slow, order) == "roster-delayed"
    slow.clock.advance(3 * HOUR)
    assert (slow.finish(order).state, slow.row(order).code) == ("refused", "roster-delayed")


def test_rejected_roster_never_counts(slow: Any) -> None:
    order = order_for(slow)
    root = slow.node.trust.root
    decide_roster(slow.node.store, root, roster_of(slow), "stolen key", slow.clock(), accept=False)
    slow.clock.advance(DELAY * HOUR)
    assert (slow.finish(order).state, slow.row(order).code) == ("refused", "roster-rejected")


def test_roster_rejected_without_any_delay_never_counts(kit: Any) -> None:
    order = kit.take()
    decide_roster(kit.node.store, kit.node.trust.root, roster_of(kit), "stolen key", kit.clock(), accept=False)
    assert kit.finish(order).code == "roster-rejected"


def test_roster_that_is_not_in_force_does_not_end_its_predecessor(slow: Any) -> None:
    first = order_for(slow)
    decide_roster(slow.node.store, slow.node.trust.root, roster_of(slow), "known", slow.clock(), accept=True)
    minted = slow.world.sign(slow.world.roster(version=999, members=[slow.world.member("mallory")]), OFFICE)
    digest = add_roster(slow.node.store, slow.node.trust.root, minted, slow.clock())
    slow.clock.advance(60)
    assert slow.finish(first).state == "reported"
    second = order_for(slow)
    slow.clock.advance(DELAY * HOUR)
    assert (slow.finish(second).state, slow.row(second).code) == ("refused", "roster-rollback")
    decide_roster(slow.node.store, slow.node.trust.root, digest, "stolen key", slow.clock(), accept=False)
    assert slow.finish(order_for(slow)).state == "reported"


def test_rosters_are_listed_with_members_and_the_moment_they_count_from(slow: Any) -> None:
    order_for(slow)
    (shown,) = list_rosters(slow.node.store, slow.node.trust.root)
    assert (shown["committee"], shown["version"], len(shown["members"])) == (COMMITTEE, 1, 3)
    assert shown["counts_from"] == slow.clock() + dt.timedelta(hours=DELAY)
    assert shown["members"][0].startswith("meri of hospital-of-meri, ed25519 key ")


def test_decision_is_audited_with_its_reason(slow: Any) -> None:
    order_for(slow)
    decide_roster(slow.node.store, slow.node.trust.root, roster_of(slow), "x" * 200, slow.clock(), accept=True)
    with slow.node.store.reading() as session:
        line = session.query(AuditRow).filter(AuditRow.action == "roster-accepted").one()
    assert (line.who, line.subject, line.code) == ("operator", roster_of(slow), "x" * 100)


def test_roster_that_was_never_seen_cannot_be_decided_on(kit: Any) -> None:
    with pytest.raises(BadInput) as caught:
        decide_roster(kit.node.store, kit.node.trust.root, "0" * 64, "why", kit.clock(), accept=True)
    assert caught.value.code == "roster-unknown"


@pytest.mark.parametrize(
    ("signer", "changes", "code"),
    [("fraud", {}, "key-unknown"), (OFFICE, {"committee": "another"}, "roster-other-office")],
)
def test_roster_that_nobody_may_make_is_not_added(kit: Any, signer: str, changes: Any, code: str) -> None:
    raw = kit.world.sign(kit.world.roster(**changes), signer)
    with pytest.raises((Refused, BadInput)) as caught:
        add_roster(kit.node.store, kit.node.trust.root, raw, kit.clock())
    assert caught.value.code == code  # type: ignore[attr-defined]
    assert list_rosters(kit.node.store, kit.node.trust.root) == []


def test_first_sight_survives_a_restart_of_the_node(slow: Any) -> None:
    take_in(slow.node, slow.bundle().to_json())
    seen = slow.clock()
    slow.clock.advance(HOUR)
    take_in(slow.node, slow.bundle().to_json())
    slow.node.store.close()
    with slow.node.store.reading() as session:
        assert list(read_memory(session, slow.clock(), dt.timedelta()).rosters.values()) == [seen]


def test_order_waits_for_a_fresh_status_and_a_withheld_one_stops_it(kit: Any) -> None:
    expired = {"status": {"issued": kit.world.now - 6 * DAY, "expires": kit.world.now}}
    order = kit.take(**expired)
    assert waits(kit, order) == "status-stale"
    fresh = kit.world.sign(kit.world.status(version=2), OFFICE)
    note_statuses(kit.node, [fresh])
    kit.clock.advance(60)
    assert kit.finish(order).state == "reported"
    withheld = kit.take(order={"not_after": kit.clock() + 6 * DAY})
    kit.clock.advance(5 * 24 * HOUR)
    assert waits(kit, withheld) == "status-stale"
    kit.clock.advance(2 * 24 * HOUR)
    assert (kit.finish(withheld).state, kit.row(withheld).code) == ("refused", "status-stale")


def test_replayed_status_does_not_keep_a_revoked_approval_alive(kit: Any) -> None:
    bundle = kit.bundle()
    revoked = kit.world.status(version=2, revoked={"approvals": [digest_of(bundle.approvals[0])]})
    note_statuses(kit.node, [kit.world.sign(revoked, OFFICE)])
    note_statuses(kit.node, [kit.world.sign(kit.world.status(), OFFICE)])
    _, order = take_in(kit.node, bundle.to_json())
    assert order is not None
    assert (kit.finish(order).state, kit.row(order).code) == ("refused", "approval-revoked")
