"""What all documents have in common at the door: believed first, kept byte for byte, logged, no harm in repeating."""

from dataclasses import dataclass
from datetime import datetime

from protocol.documents.envelope import Envelope
from registry.actions import log
from registry.errors import Conflict
from registry.store import document
from registry.store import log as leaves
from registry.store.base import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An accepted document; `fresh` is false when it had been here before."""

    digest: str
    fresh: bool


def known(tx: Transaction, envelope: Envelope) -> Published | None:
    """Return the answer for a document that is here already; its signatures were checked when it came."""
    found = document.get(tx, envelope.digest)
    return Published(digest=envelope.digest, fresh=False) if found else None


def keep(
    tx: Transaction, envelope: Envelope, kind: str, actor: str, now: datetime, *, later: bool = False
) -> Published:
    """Store a believed document, append it to the transparency log, and record who brought it.

    `later` leaves the log to `registry.actions.course`: a blind vote's leaf would tell who votes when.
    """
    document.add(tx, envelope.digest, kind, envelope.raw, now)
    if later:
        leaves.postpone(tx, envelope.digest)
    else:
        log.append(tx, envelope)
    document.record(tx, now, actor, f"{kind}.published", envelope.digest)
    return Published(digest=envelope.digest, fresh=True)


def check_version(kind: str, newest: int | None, version: int) -> None:
    """Raise Conflict unless `version` is above the newest one: there is one document per version, and no way back."""
    if newest is not None and version <= newest:
        code = f"{kind}-version-taken" if version == newest else f"{kind}-version-old"
        raise Conflict(code, f"Version {newest} of this {kind} is here already. Publish a higher version.")
