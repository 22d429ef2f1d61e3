"""Documents exactly as received, and the audit line beside them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from registry.store.base import Transaction
from registry.store.tables import Document, Event

_ENVELOPES = select(Document.digest, Document.envelope).where(Document.digest.in_(bindparam("digests", expanding=True)))


def get(tx: Transaction, digest: str) -> Document | None:
    """Return a document by the digest of its payload."""
    return tx.get(Document, digest)


def add(tx: Transaction, digest: str, kind: str, envelope: bytes, now: datetime) -> None:
    """Keep an accepted document; its index rows may follow in the same transaction."""
    tx.add(Document(digest=digest, kind=kind, envelope=envelope, received=now))
    tx.flush()


def envelopes(tx: Transaction, digests: Iterable[str]) -> tuple[bytes, ...]:
    """Return the envelopes of those digests that are here and not erased, in the order asked for, each once."""
    wanted = tuple(dict.fromkeys(digests))
    found: dict[str, bytes] = dict(tx.execute(_ENVELOPES, {"digests": wanted}).all()) if wanted else {}
    return tuple(found[digest] for digest in wanted if found.get(digest))


def record(tx: Transaction, now: datetime, actor: str, verb: str, subject: str, **detail: Any) -> None:
    """Write the audit event of the action whose transaction this is. Ids and codes only."""
    tx.add(Event(at=now, actor=actor, verb=verb, subject=subject, detail=detail))


def only(tx: Transaction, digests: Iterable[str], kind: str) -> tuple[str, ...]:
    """Return those of the digests that are documents of this kind, in the order given."""
    wanted = tuple(dict.fromkeys(digests))
    found = set(tx.scalars(select(Document.digest).where(Document.digest.in_(wanted), Document.kind == kind)))
    return tuple(digest for digest in wanted if digest in found)


def events(tx: Transaction, subjects: Iterable[str], verbs: Iterable[str]) -> Sequence[Event]:
    """Return what the audit holds about these subjects under these verbs, oldest first."""
    those = select(Event).where(Event.subject.in_(tuple(subjects)), Event.verb.in_(tuple(verbs)))
    return tx.scalars(those.order_by(Event.sequence)).all()
