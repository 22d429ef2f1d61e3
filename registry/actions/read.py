"""Hand out documents as they were received, to whom the table of `registry.domain.caller` lets see them."""

from protocol.documents.job_order import JobOrder
from protocol.documents.receipt import Receipt
from registry.actions.desk import Desk
from registry.domain.caller import Caller, check_may_read, missing
from registry.store import accreditation, document, order, review, tables
from registry.store.base import Transaction


def read_document(desk: Desk, caller: Caller | None, digest: str) -> bytes:
    """Return the exact bytes of a document; Missing for what is not there and for what is not the caller's."""
    with desk.store.reading() as tx:
        found = document.get(tx, digest)
        if found is None or not found.envelope:
            raise missing("document")
        check_may_read(caller, found.kind, parties(tx, found))
        return found.envelope


def read_accreditation(desk: Desk, subject: str) -> bytes:
    """Return the newest accreditation of a person or a node."""
    with desk.store.reading() as tx:
        row = accreditation.current(tx, subject)
        if row is None:
            raise missing("accreditation")
        found = document.envelopes(tx, [row.digest])
        if not found:
            raise missing("accreditation")
        return found[0]


def list_algorithms(desk: Desk, *, after: int, limit: int) -> tuple[tables.Algorithm, ...]:
    """Return one page of algorithm versions."""
    with desk.store.reading() as tx:
        return tuple(review.page(tx, after=after, limit=limit))


def parties(tx: Transaction, found: tables.Document) -> frozenset[str]:
    """Return the subjects that an order or a receipt concerns: its researcher and its node."""
    if found.kind == JobOrder.KIND:
        row = order.get(tx, found.digest)
    elif found.kind == Receipt.KIND:
        row = order.with_receipt(tx, found.digest)
    else:
        row = None
    return frozenset({row.researcher, row.node}) if row else frozenset()
