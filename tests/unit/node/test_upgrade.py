"""A database that the first release wrote, with jobs amid their course, is brought up to date and goes on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from first_release import make_first_node

from sandbox.actions.admission import admit
from sandbox.actions.clock import GuardedClock
from sandbox.chambers.fake import Ending
from sandbox.domain.admission import Admission
from sandbox.store import ledger, schema
from sandbox.store.base import Store
from sandbox.store.ledger_head import check_head


@pytest.fixture
def upgraded(kit: Any, database: Database) -> dict[str, str]:
    """The kit on a database of the first release that was brought up to date, with a job in each of three states."""
    orders = {name: kit.take() for name in ("reported", "running", "received")}
    kit.finish(orders["reported"])

    def program(_input: bytes, _block: Path) -> Ending:
        kit.clock.advance(8)
        return Ending(wrote=b'{"share": 0.5}')

    kit.chamber = program
    kit.tick(orders["running"])
    admit(kit.node.store, Admission.DRAINING, "an upgrade", kit.clock())
    old = Store(database.url)
    make_first_node(kit.node.store, old)
    schema.prepare(old)
    kit.node.store.close()
    kit.node = replace(kit.node, store=old, clock=GuardedClock(old, kit.clock))
    return orders


def test_every_row_of_the_first_release_is_still_there(kit: Any, upgraded: dict[str, str]) -> None:
    assert schema.read_revision(kit.node.store) == schema.HEAD
    with kit.node.store.reading() as session:
        assert ledger.check_ledger(session) == check_head(kit.node.places.ledger_head, session)
        assert [entry.order_id for entry in ledger.entries(session)] == [upgraded["reported"], upgraded["running"]]
    assert {name: kit.row(order).state for name, order in upgraded.items()} == {name: name for name in upgraded}
    assert kit.sealed(upgraded["reported"]).ciphertext


def test_a_drained_node_finishes_what_was_charged_and_resumes_with_the_rest(kit: Any, upgraded: dict[str, str]) -> None:
    assert kit.finish(upgraded["running"], rings=20).state == "reported"
    assert kit.tick(upgraded["received"]).state == "held"
    admit(kit.node.store, Admission.ACCEPTING, "upgraded", kit.clock())
    assert kit.finish(upgraded["received"], rings=20).state == "reported"

    with kit.node.store.reading() as session:
        charged = [entry.order_id for entry in ledger.entries(session)]
    assert sorted(charged) == sorted(upgraded.values())
    assert len(kit.registry.sent("receipts")) == 3
