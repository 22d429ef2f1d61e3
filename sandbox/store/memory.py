"""What the node has seen of the accreditation offices' documents, so that nobody can turn its world back."""

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from protocol.trust.memory import Memory
from sandbox.store.tables import RosterSeen, StatusSeen


def read_memory(session: Session, clock: dt.datetime | None) -> Memory:
    """Read the highest versions ever seen, and when each roster was seen first."""
    versions = select(RosterSeen.committee, func.max(RosterSeen.version)).group_by(RosterSeen.committee)
    return Memory(
        rosters={row.digest: row.seen_at for row in session.scalars(select(RosterSeen))},
        roster_versions={row[0]: row[1] for row in session.execute(versions)},
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


def remember_roster(session: Session, digest: str, committee: str, version: int, now: dt.datetime) -> None:
    """Keep when a roster whose signature was checked was seen first."""
    if session.get(RosterSeen, digest) is None:
        session.add(RosterSeen(digest=digest, committee=committee, version=version, seen_at=now))
