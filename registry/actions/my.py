"""A researcher's own: accreditation, algorithm versions with their reviews, orders with their receipts."""

from dataclasses import dataclass
from datetime import datetime

from protocol.documents.receipt import Receipt
from registry.actions import accepted, ballots
from registry.actions.desk import Desk
from registry.actions.review import Review, seen_by
from registry.domain.account import Person
from registry.domain.caller import missing
from registry.domain.order import FINAL, OrderState
from registry.store import accreditation, document, order, review, tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithms:
    """One's accreditation and one's algorithm versions, the newest first."""

    accreditation: tables.Accreditation
    reviews: tuple[Review, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One order; `receipt` once its node decided, unless it was erased; `final` if nothing more will come."""

    row: tables.Order
    algorithm: str
    receipt: Receipt | None
    final: bool


def show_algorithms(desk: Desk, person: Person, now: datetime) -> Algorithms:
    """Return the researcher's accreditation and versions; Missing without an accreditation."""
    with desk.store.reading() as tx:
        row = accreditation.current(tx, person.subject)
        if row is None:
            raise missing("accreditation")
        rows = review.by_author(tx, person.subject)
        found = ballots.load(tx, desk, rows, now)
        reviews = tuple(seen_by(desk, person.subject, each, found) for each in rows)
    return Algorithms(accreditation=row, reviews=reviews)


def list_orders(desk: Desk, person: Person, *, before: int | None, limit: int) -> tuple[tables.Order, ...]:
    """Return one page of the researcher's own orders, the newest first."""
    with desk.store.reading() as tx:
        return tuple(order.of_researcher(tx, person.subject, before=before, limit=limit))


def show_order(desk: Desk, person: Person, digest: str) -> Job:
    """Return one of the researcher's own orders; Missing for anybody else's."""
    with desk.store.reading() as tx:
        row = order.get(tx, digest)
        if row is None or row.researcher != person.subject:
            raise missing("order")
        named = review.algorithm(tx, row.algorithm)
        envelopes = document.envelopes(tx, [row.receipt] if row.receipt else [])
    receipts = [accepted.read(raw, Receipt) for raw in envelopes]
    return Job(
        row=row,
        algorithm=f"{named.name} {named.version}" if named else row.algorithm[:12],
        receipt=receipts[0] if receipts else None,
        final=OrderState(row.state) in FINAL,
    )
