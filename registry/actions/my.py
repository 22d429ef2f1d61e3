"""A researcher's own: accreditation, algorithm versions with their reviews, the list of orders."""

from dataclasses import dataclass
from datetime import datetime

from registry.actions import ballots
from registry.actions.desk import Desk
from registry.actions.review import Review, seen_by
from registry.domain.account import Person
from registry.domain.caller import missing
from registry.store import accreditation, order, review, tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithms:
    """One's accreditation and one's algorithm versions, the newest first."""

    accreditation: tables.Accreditation
    reviews: tuple[Review, ...]


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
