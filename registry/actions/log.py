"""The transparency log: every accepted document, committed to in public, in the order of its acceptance.

1. A document's leaf is appended in the transaction that stores the document. The exception is a vote while votes are
   blind: its leaf would tell who votes when, and is appended when they are opened, or when an order names the vote.
2. The registry signs a checkpoint for whoever asks. Ed25519 is deterministic, so the same tree always gets the same
   checkpoint; checkpoints of former sizes can be given again.
3. The public sees leaves. What opens one (its salt) is handed out only to whom the document itself would be.
4. Erasing forgets salt and document. The leaf stays, and with it every proof ever given.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from protocol.crypto import merkle
from protocol.documents.checkpoint import sign_checkpoint
from protocol.documents.envelope import Envelope, read_envelope
from protocol.documents.leaf import SALT_BYTES, make_leaf
from protocol.documents.log_proof import write_log_proof
from protocol.documents.strict import canonical
from registry.actions.desk import Desk
from registry.actions.read import parties
from registry.domain.caller import Caller, check_may_read, missing
from registry.domain.order import FINAL
from registry.errors import Conflict, Malformed
from registry.store import accreditation, document, log, order
from registry.store.base import Store, Transaction

LEAVES_AT_ONCE: Final = 1000
"""Leaves of an export that are read in one look into the database."""


def append(tx: Transaction, envelope: Envelope) -> int:
    """Append the leaf of a document that is being stored, under a fresh salt; return its position."""
    salt = secrets.token_bytes(SALT_BYTES)
    return log.append(tx, envelope.digest, make_leaf(envelope, salt).to_bytes(), salt)


def append_postponed(tx: Transaction, digests: Iterable[str]) -> None:
    """Append the leaves that `publish.keep` left for later, of those documents that have none yet."""
    for each in log.due(tx, digests):
        append(tx, read_envelope(each.envelope))


def catch_up(store: Store) -> int:
    """Log the documents of a database that is older than its log; return how many those were."""
    with store.transaction() as tx:
        positions = [append(tx, read_envelope(each.envelope)) for each in log.unlogged(tx)]
    return len(positions)


def checkpoint(desk: Desk) -> str:
    """Return the signed checkpoint of the log as it is now."""
    with desk.store.reading() as tx:
        return _checkpoint(tx, desk, log.size(tx))


def consistency(desk: Desk, old: int, new: int) -> tuple[bytes, ...]:
    """Return the proof that the log of `new` leaves continues the one of `old` leaves."""
    with desk.store.reading() as tx:
        _check_size(tx, new)
        if old > new:
            raise Malformed("log-size", "A log continues smaller ones only: `from` must not be above `to`.")
        return merkle.consistency_proof(old, new, log.reader(tx))


def inclusion(desk: Desk, caller: Caller | None, digest: str, size: int) -> str:
    """Return the proof that the log of `size` leaves holds a document, to whom the document may be shown."""
    with desk.store.reading() as tx:
        _check_size(tx, size)
        found, entry = document.get(tx, digest), log.entry(tx, digest)
        if found is None or entry is None:
            raise missing("document")
        check_may_read(caller, found.kind, parties(tx, found))
        if entry.position >= size:
            raise Conflict("log-size", f"The document came after the log had {size} entries. Ask for a later size.")
        path = merkle.inclusion_proof(entry.position, size, log.reader(tx))
        return write_log_proof(entry.leaf, entry.salt, entry.position, path, _checkpoint(tx, desk, size))


def export(desk: Desk) -> Iterator[str]:
    """Yield the log's lines: every leaf exactly as it is hashed, then the checkpoint over them. No preimage."""
    with desk.store.reading() as tx:
        size = log.size(tx)
        last = _checkpoint(tx, desk, size)
    for start in range(0, size, LEAVES_AT_ONCE):
        with desk.store.reading() as tx:
            found = log.leaves(tx, start=start, stop=min(start + LEAVES_AT_ONCE, size))
        yield from (f"{leaf}\n" for leaf in found)
    yield canonical({"checkpoint": last}).decode() + "\n"


def erase(store: Store, digest: str, reason: str, now: datetime) -> int:
    """Forget a document and what opens its leaf; return the leaf's position.

    Refused (`document-needed`) as long as the registry's own work rests on the document.
    """
    with store.transaction() as tx:
        found, entry = document.get(tx, digest), log.entry(tx, digest)
        if found is None or entry is None:
            raise missing("document")
        _NEEDED.get(found.kind, _always_needed)(tx, digest, now)
        log.erase(tx, digest)
        accreditation.forget(tx, digest)
        document.record(tx, now, "registry", "document.erased", digest, reason=reason)
    store.scrub()
    return entry.position


def _checkpoint(tx: Transaction, desk: Desk, size: int) -> str:
    return sign_checkpoint(desk.log_key, size, merkle.root(size, log.reader(tx)))


def _check_size(tx: Transaction, size: int) -> None:
    if size > log.size(tx):
        raise Malformed("log-size", "The log is not that long. Ask for its checkpoint first.")


def _check_superseded(tx: Transaction, digest: str, now: datetime) -> None:
    if accreditation.in_force(tx, digest, now):
        raise _needed("The accreditation is in force. Let it expire, or register the one that replaces it.")


def _check_unnamed(tx: Transaction, digest: str, _now: datetime) -> None:
    open_orders = order.undecided(tx, FINAL)
    if any(digest in row.approvals for row in open_orders):
        raise _needed("An order that names this approval is under way. Wait for its receipt.")


def _check_decided(tx: Transaction, digest: str, _now: datetime) -> None:
    row = order.get(tx, digest)
    if row is not None and row.state not in {state.value for state in FINAL}:
        raise _needed("The order is under way. Wait for its receipt.")


def _not_needed(_tx: Transaction, _digest: str, _now: datetime) -> None:
    """A receipt that its researcher has, or had the time to fetch, is needed by nobody here."""


def _always_needed(_tx: Transaction, _digest: str, _now: datetime) -> None:
    raise _needed("Reviews and nodes go on working with algorithms, rosters and statuses; these cannot be erased.")


def _needed(sentence: str) -> Conflict:
    return Conflict("document-needed", sentence)


_NEEDED: Final[Mapping[str, Callable[[Transaction, str, datetime], None]]] = {
    "accreditation": _check_superseded,
    "approval": _check_unnamed,
    "job-order": _check_decided,
    "receipt": _not_needed,
}
