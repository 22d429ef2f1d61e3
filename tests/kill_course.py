"""What must hold when workers were killed on the way from the charge to the seal, and after a backup was restored.

Every statement holds for certain, whatever the instants: no false alarm is possible. What chance decides is only how
many kills meet a job between its charge and its end.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from kill_place import RHO, KillPlace
from node_place import decision, settings_of

from sandbox.domain.ledger import LedgerEntry, Scope
from sandbox.errors import LedgerBroken
from sandbox.store import ledger
from sandbox.store.base import Session
from sandbox.store.ledger_head import check_head
from sandbox.worker.wiring import open_node, open_store

SILENT = 4  # charged orders whose receipts nobody brings


def run_course(place: KillPlace, *, rounds: int, kills: int, longest_seconds: float, affordable: int) -> None:
    """Kill, look, and kill again, with a backup after the first round; then finish, turn back, restore."""
    earlier, answered = place.entries(), place.answers()
    for number in range(rounds):
        place.kill_workers(kills, longest_seconds)
        entries, answers = place.entries(), place.answers()
        assert entries[: len(earlier)] == earlier
        assert {order: answers[order] for order in answered} == answered
        earlier, answered = entries, answers
        if number == 0:
            place.save()
    place.finish()
    check_finished(place, earlier, affordable)
    check_restored(place, affordable)


def check_finished(place: KillPlace, earlier: list[LedgerEntry], affordable: int) -> None:
    """Everything is over: each affordable order was charged once and answered once, the rest refused."""
    entries, answers = place.entries(), place.answers()
    assert entries[: len(earlier)] == earlier
    assert len(entries) == affordable == len([one for one in answers.values() if one.ciphertext])
    assert {order: one.ciphertext for order, one in answers.items() if one.ciphertext} == place.released()
    assert {order: one.receipt for order, one in answers.items()} == place.witnessed()
    assert place.second_answers() == []


def check_restored(place: KillPlace, affordable: int) -> None:
    """A backup of the database is refused until receipts are imported, and no order gets a second answer."""
    released, receipts = place.released(), place.witnessed()
    place.turn_back()
    assert _opening(place) == "ledger-rolled-back"
    charged = [order for order, raw in receipts.items() if decision(raw).rho_charged_nano]
    place.restore([receipts[order] for order in charged[SILENT:]])
    assert _opening(place) == "opens"

    place.order_again()
    place.finish()

    assert place.released() == released
    assert place.second_answers() == []
    assert all(one.ciphertext in (None, released.get(order)) for order, one in place.answers().items())
    with _reading(place) as session:
        assert ledger.check_ledger(session) == check_head(settings_of(place.folder).directory / "ledger.head", session)
        assert ledger.spent(session, Scope.POOL, "people") >= affordable * RHO


def _opening(place: KillPlace) -> str:
    try:
        open_node(settings_of(place.folder)).store.close()
    except LedgerBroken as broken:
        return broken.code
    return "opens"


@contextmanager
def _reading(place: KillPlace) -> Iterator[Session]:
    store = open_store(settings_of(place.folder))
    with store.reading() as session:
        yield session
    store.close()
