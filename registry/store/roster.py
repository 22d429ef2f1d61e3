"""Committees: rosters and who sits on them."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, select

from registry.store.base import Transaction
from registry.store.tables import Roster, RosterMember

_SEATS = (
    select(Roster)
    .join(RosterMember, RosterMember.roster == Roster.digest)
    .where(RosterMember.person == bindparam("person"), Roster.expires > bindparam("now", type_=Roster.expires.type))
    .order_by(Roster.sequence)
)


def get(tx: Transaction, digest: str) -> Roster | None:
    """Return the index row of a roster."""
    return tx.scalars(select(Roster).where(Roster.digest == digest)).first()


def several(tx: Transaction, digests: Iterable[str]) -> tuple[Roster, ...]:
    """Return the index rows of these rosters."""
    return tuple(tx.scalars(select(Roster).where(Roster.digest.in_(tuple(digests)))))


def newest(tx: Transaction, office: str, committee: str) -> Roster | None:
    """Return the committee's roster with the highest version."""
    mine = select(Roster).where(Roster.office == office, Roster.committee == committee)
    return tx.scalars(mine.order_by(Roster.version.desc()).limit(1)).first()


def add(tx: Transaction, row: Roster, persons: Iterable[str]) -> None:
    """Index a roster and its members."""
    tx.add(row)
    tx.flush()
    tx.add_all(RosterMember(roster=row.digest, person=person) for person in dict.fromkeys(persons))
    tx.flush()


def seats_of(tx: Transaction, person: str, now: datetime) -> tuple[str, ...]:
    """Return the digests of the unexpired newest rosters on which `person` sits."""
    rows = tx.scalars(_SEATS, {"person": person, "now": now}).all()
    return tuple(row.digest for row in rows if _is_newest(tx, row))


def _is_newest(tx: Transaction, row: Roster) -> bool:
    found = newest(tx, row.office, row.committee)
    return found is not None and found.digest == row.digest


def newest_of(tx: Transaction, committees: Iterable[str]) -> tuple[str, ...]:
    """Return the digests of the newest rosters of these committees, of every office that names them."""
    rows = tx.scalars(select(Roster).where(Roster.committee.in_(tuple(dict.fromkeys(committees))))).all()
    return tuple(row.digest for row in rows if _is_newest(tx, row))


def committees(tx: Transaction, now: datetime) -> tuple[str, ...]:
    """Return the committees that have a roster which has not expired, by name."""
    seated = select(Roster.committee).where(Roster.expires > now).distinct().order_by(Roster.committee)
    return tuple(tx.scalars(seated))


def newest_of_office(tx: Transaction, office: str) -> tuple[Roster, ...]:
    """Return the newest roster of each of an office's committees."""
    rows = tx.scalars(select(Roster).where(Roster.office == office).order_by(Roster.committee, Roster.version)).all()
    return tuple({row.committee: row for row in rows}.values())
