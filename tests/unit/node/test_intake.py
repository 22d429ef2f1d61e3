"""What is taken in, what is only counted, and what the node remembers of the offices."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from factory import OFFICE, digest_of, private_key

from protocol.documents.envelope import sign_statement
from sandbox.actions.intake import Intake, note_statuses, take_in
from sandbox.store.memory import newest_statuses, read_memory
from sandbox.store.tables import AuditRow, JobEvent, JobRow


def count(kit: Any, table: Any) -> int:
    with kit.node.store.reading() as session:
        return session.query(table).count()


def test_order_is_written_with_its_event_and_its_ring(kit: Any) -> None:
    order = kit.take()
    assert (kit.row(order).state, count(kit, JobEvent), kit.rings()) == ("received", 1, [order])


def test_order_handed_over_twice_is_one_job(kit: Any) -> None:
    raw = kit.bundle().to_json()
    outcomes = [take_in(kit.node, raw) for _ in range(3)]
    assert [outcome for outcome, _ in outcomes] == [Intake.TAKEN, Intake.KNOWN, Intake.KNOWN]
    assert (count(kit, JobRow), len(kit.rings())) == (1, 1)


@pytest.mark.parametrize("fault", ["no json", "no bundle", "stranger's signature", "unaccredited", "other office"])
def test_bytes_that_no_known_key_signed_get_a_counter_and_nothing_else(kit: Any, fault: str) -> None:
    bundle = kit.bundle()
    order = kit.world.order()
    raw = {
        "no json": b"{",
        "no bundle": b'{"order": "x"}',
        "stranger's signature": replace(bundle, order=kit.world.sign(order, "stranger")).to_json(),
        "unaccredited": replace(bundle, accreditations=()).to_json(),
        "other office": replace(
            bundle, accreditations=tuple(kit.world.sign(kit.world.accreditation(name), "fraud") for name in ("rita",))
        ).to_json(),
    }[fault]
    assert take_in(kit.node, raw) == (Intake.UNSIGNED, None)
    assert (count(kit, JobRow), count(kit, AuditRow) > 0, kit.rings()) == (0, True, [])


def test_jobs_are_numbered_in_their_order(kit: Any) -> None:
    assert [kit.row(kit.take()).number for _ in range(3)] == [1, 2, 3]


def test_newer_status_is_kept_and_an_older_one_is_not(kit: Any) -> None:
    raw = {version: kit.world.sign(kit.world.status(version=version), OFFICE) for version in (2, 3)}
    note_statuses(kit.node, [raw[3]])
    note_statuses(kit.node, [raw[2]])
    with kit.node.store.reading() as session:
        assert newest_statuses(session) == (raw[3],)


def test_status_that_no_office_signed_is_not_kept(kit: Any) -> None:
    note_statuses(kit.node, [kit.world.sign(kit.world.status(version=9), "fraud"), b"garbage"])
    with kit.node.store.reading() as session:
        assert newest_statuses(session) == ()


def test_revocation_that_arrives_after_the_order_stops_it(kit: Any) -> None:
    order = kit.take()
    revoked = kit.world.status(version=2, revoked={"persons": ["rita"]})
    note_statuses(kit.node, [kit.world.sign(revoked, OFFICE)])
    assert (kit.finish(order).state, kit.row(order).code) == ("refused", "person-revoked")


def test_roster_is_remembered_from_when_it_was_seen_first(kit: Any) -> None:
    bundle = kit.bundle()
    take_in(kit.node, bundle.to_json())
    seen = kit.clock()
    kit.clock.advance(100)
    kit.take()
    with kit.node.store.reading() as session:
        memory = read_memory(session, kit.clock(), dt.timedelta())
    assert memory.rosters == {digest_of(bundle.rosters[0]): seen}


def test_roster_of_an_office_that_does_not_rule_the_committee_is_not_remembered(kit: Any) -> None:
    roster = kit.world.roster(committee="another-committee", version=99)
    bundle = replace(kit.bundle(), rosters=(sign_statement(roster, [private_key(OFFICE)]),))
    take_in(kit.node, bundle.to_json())
    with kit.node.store.reading() as session:
        assert read_memory(session, kit.clock(), dt.timedelta()).rosters == {}
