"""What the node has seen of the accreditation offices' documents, so that nobody can turn its world back."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from protocol.documents.envelope import read_envelope
from protocol.documents.trust_root import TrustRoot
from protocol.trust.memory import Memory
from protocol.trust.root import office_keys
from sandbox.errors import Refused
from sandbox.store.tables import RosterSeen, StatusSeen

ACCEPTED = "accepted"
REJECTED = "rejected"


def read_memory(session: Session, clock: dt.datetime, delay: dt.timedelta) -> Memory:
    """Read the highest versions ever seen, when each roster was seen first, and what the admin decided about it.

    A roster that is not in force yet does not end its predecessor: else a stolen office key could stop a committee.
    """
    rows = session.scalars(select(RosterSeen)).all()
    versions: dict[str, int] = {}
    for row in rows:
        if _in_force(row, clock, delay):
            versions[row.committee] = max(row.version, versions.get(row.committee, 0))
    return Memory(
        rosters={row.digest: row.seen_at for row in rows},
        accepted_rosters=frozenset(row.digest for row in rows if row.decision == ACCEPTED),
        rejected_rosters=frozenset(row.digest for row in rows if row.decision == REJECTED),
        roster_versions=versions,
        status_versions={row.office: row.version for row in session.scalars(select(StatusSeen))},
        clock=clock,
    )


def newest_statuses(session: Session) -> tuple[bytes, ...]:
    """Read the newest status of each office, as it was received."""
    return tuple(session.scalars(select(StatusSeen.envelope).order_by(StatusSeen.office)))


def remember_status(session: Session, office: str, version: int, envelope: bytes) -> None:
    """Keep a status whose signature was checked, if it is the newest so far."""
    row = session.get(StatusSeen, office)
    if row is None:
        session.add(StatusSeen(office=office, version=version, envelope=envelope))
    elif row.version < version:
        row.version, row.envelope = version, envelope


def forget_statuses(session: Session, root: TrustRoot) -> None:
    """Forget statuses that a new trust root's offices did not sign.

    A stolen office key may have signed the highest version there is: after its replacement it stops nobody.
    """
    for row in session.scalars(select(StatusSeen)).all():
        try:
            read_envelope(row.envelope).check_signed(office_keys(root, row.office))
        except Refused:
            session.delete(row)


def remember_roster(
    session: Session, digest: str, committee: str, version: int, envelope: bytes, now: dt.datetime
) -> RosterSeen:
    """Keep when a roster whose signature was checked was seen first."""
    row = session.get(RosterSeen, digest)
    if row is None:
        row = RosterSeen(digest=digest, committee=committee, version=version, seen_at=now)
        session.add(row)
    row.envelope = envelope
    return row


def read_rosters(session: Session) -> Sequence[RosterSeen]:
    """Read every roster that was ever seen, the newest of a committee first."""
    order = (RosterSeen.committee, RosterSeen.version.desc(), RosterSeen.seen_at.desc())
    return session.scalars(select(RosterSeen).order_by(*order)).all()


def read_roster(session: Session, digest: str) -> RosterSeen | None:
    """Read one roster that was seen."""
    return session.get(RosterSeen, digest)


def _in_force(row: RosterSeen, clock: dt.datetime, delay: dt.timedelta) -> bool:
    if row.decision is not None:
        return row.decision == ACCEPTED
    return clock >= row.seen_at + delay
