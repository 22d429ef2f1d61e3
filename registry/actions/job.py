"""A researcher's orders, each with everything that the registry may show of it. Results stay sealed.

The timeline names only what does not depend on the data: when the order came and was taken, when its receipt and its
release came. How long a node takes between its charge and its release is nobody's to see here (DESIGN 9).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from protocol.advice import next_step
from protocol.documents.algorithm import Algorithm
from protocol.documents.job_order import JobOrder
from protocol.documents.receipt import Receipt
from protocol.documents.strict import canonical
from registry.actions import accepted
from registry.actions.desk import Desk
from registry.domain.account import Person
from registry.domain.caller import missing
from registry.domain.order import FINAL, OrderState
from registry.store import document, order, review, tables
from registry.store.base import Transaction

ALIKE_MOST: Final = 100
"""Orders of one algorithm and project that are compared with this one."""

TIMELINE: Final = {
    "job-order.published": "You signed it, and the registry queued it",
    "order.received": "Its node took it",
    "order.held": "Its node holds it",
    "receipt.published": "Its node's receipt came",
    "release.stored": "The sealed result came",
    "release.fetched": "You fetched the sealed result",
}
"""The audit's verbs that are shown, in words; those of a running job are left out on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What came of the same question at one node: its order's row and receipt; `advice` where no result came."""

    row: tables.Order
    receipt: Receipt | None
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One order; `receipt` once its node decided, unless it was erased; `final` if nothing more will come.

    places: this order and the same question at other nodes, by node. timeline: moments and words.
    """

    row: tables.Order
    asked: JobOrder | None
    algorithm: str
    mode: str
    receipt: Receipt | None
    advice: str
    final: bool
    places: tuple[Place, ...]
    timeline: tuple[tuple[datetime, str], ...]

    @property
    def parameters(self) -> str:
        """The order's parameters as JSON; empty if there are none."""
        return canonical(self.asked.parameters).decode() if self.asked and self.asked.parameters else ""

    @property
    def to_open(self) -> str:
        """The orders whose results are here, for the command that opens them together."""
        return " ".join(place.row.digest for place in self.places if place.row.release_stored)


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
        asked = _asked(tx, row)
        mine = _place(tx, row)
        return Job(
            row=row,
            asked=asked,
            algorithm=f"{named.name} {named.version}" if named else row.algorithm[:12],
            mode=_mode(tx, row),
            receipt=mine.receipt,
            advice=mine.advice,
            final=OrderState(row.state) in FINAL,
            places=tuple(sorted((mine, *_elsewhere(tx, row, asked)), key=lambda place: place.row.node)),
            timeline=_timeline(tx, row),
        )


def _asked(tx: Transaction, row: tables.Order) -> JobOrder | None:
    found = document.envelopes(tx, [row.digest])
    return accepted.read(found[0], JobOrder) if found else None


def _mode(tx: Transaction, row: tables.Order) -> str:
    found = document.envelopes(tx, [row.algorithm])
    return accepted.read(found[0], Algorithm).mode if found else "erased"


def _place(tx: Transaction, row: tables.Order) -> Place:
    envelopes = document.envelopes(tx, [row.receipt] if row.receipt else [])
    receipt = accepted.read(envelopes[0], Receipt) if envelopes else None
    bad = receipt is not None and receipt.decision != "released"
    return Place(row=row, receipt=receipt, advice=next_step(receipt.code) if bad and receipt else "")


def _elsewhere(tx: Transaction, row: tables.Order, asked: JobOrder | None) -> list[Place]:
    """Return the newest order of the same question at each other node."""
    found: dict[str, Place] = {}
    for other in order.of_question(tx, row.researcher, row.algorithm, row.project, limit=ALIKE_MOST):
        if asked is not None and other.node not in (row.node, *found) and _is_alike(asked, _asked(tx, other)):
            found[other.node] = _place(tx, other)
    return list(found.values())


def _is_alike(asked: JobOrder, other: JobOrder | None) -> bool:
    named = ("purpose", "parameters", "blocks", "rho")
    return other is not None and all(getattr(asked, name) == getattr(other, name) for name in named)


def _timeline(tx: Transaction, row: tables.Order) -> tuple[tuple[datetime, str], ...]:
    about = [row.digest, *([row.receipt] if row.receipt else [])]
    return tuple((event.at, TIMELINE[event.verb]) for event in document.events(tx, about, TIMELINE))
