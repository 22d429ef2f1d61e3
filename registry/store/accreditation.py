"""Who is who: accreditations, whose key is whose, and what is revoked."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, select

from registry.domain.standing import Revocations, Standing
from registry.store.base import Transaction
from registry.store.tables import Accreditation, KeyHolder, Status

# Every request asks these: the statements are made once, and compiled once.
_CURRENT = (
    select(Accreditation)
    .where(Accreditation.subject == bindparam("subject"))
    .order_by(Accreditation.valid_from.desc(), Accreditation.sequence.desc())
    .limit(1)
)
_TOP = select(Status.office, func.max(Status.version).label("version")).group_by(Status.office).subquery()
_NEWEST_STATUSES = (
    select(Status)
    .join(_TOP, (Status.office == _TOP.c.office) & (Status.version == _TOP.c.version))
    .order_by(Status.office)
)


def current(tx: Transaction, subject: str) -> Accreditation | None:
    """Return the newest accreditation of a person or a node."""
    return tx.scalars(_CURRENT, {"subject": subject}).first()


def current_digests(tx: Transaction, subjects: Iterable[str]) -> tuple[str, ...]:
    """Return the digests of the newest accreditations of those subjects that have one."""
    found = (current(tx, subject) for subject in dict.fromkeys(subjects))
    return tuple(each.digest for each in found if each is not None)


def newest(tx: Transaction, subjects: Iterable[str]) -> dict[str, Accreditation]:
    """Return the newest accreditations of those subjects that have one."""
    theirs = select(Accreditation).where(Accreditation.subject.in_(tuple(subjects)))
    rows = tx.scalars(theirs.order_by(Accreditation.valid_from, Accreditation.sequence))
    return {row.subject: row for row in rows}


def standing(row: Accreditation) -> Standing:
    """Return the row as the domain's value."""
    return Standing(
        subject=row.subject,
        kind=row.kind,
        roles=frozenset(row.roles),
        office=row.office,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )


def holder(tx: Transaction, keyid: str) -> str | None:
    """Return whose key this is."""
    found = tx.get(KeyHolder, keyid)
    return found.subject if found else None


def claim(tx: Transaction, keyids: Iterable[str], subject: str) -> None:
    """Note that these keys speak for `subject`."""
    for keyid in keyids:
        if tx.get(KeyHolder, keyid) is None:
            tx.add(KeyHolder(keyid=keyid, subject=subject))
    tx.flush()


def nodes(tx: Transaction, *, after: int, limit: int) -> Sequence[Accreditation]:
    """Return one page of accreditations of nodes, the newest of each."""
    later = select(func.max(Accreditation.sequence)).where(Accreditation.kind == "node").group_by(Accreditation.subject)
    page = select(Accreditation).where(Accreditation.sequence.in_(later), Accreditation.sequence > after)
    return tx.scalars(page.order_by(Accreditation.sequence).limit(limit)).all()


def of_office(tx: Transaction, office: str, *, after: int, limit: int) -> Sequence[Accreditation]:
    """Return one page of an office's accreditations, the newest of each subject."""
    later = (
        select(func.max(Accreditation.sequence)).where(Accreditation.office == office).group_by(Accreditation.subject)
    )
    page = select(Accreditation).where(Accreditation.sequence.in_(later), Accreditation.sequence > after)
    return tx.scalars(page.order_by(Accreditation.sequence).limit(limit)).all()


def newest_statuses(tx: Transaction) -> Sequence[Status]:
    """Return each office's newest status."""
    return tx.scalars(_NEWEST_STATUSES).all()


def revocations(tx: Transaction) -> Revocations:
    """Return what is revoked now, all offices taken together."""
    found = [row.revoked for row in newest_statuses(tx)]
    return Revocations(
        **{
            kind: frozenset(item for revoked in found for item in revoked.get(kind, ()))
            for kind in ("persons", "keys", "rosters", "approvals", "algorithms", "nodes")
        }
    )


def in_force(tx: Transaction, digest: str, now: datetime) -> bool:
    """Say whether this accreditation is the one that speaks for its subject now."""
    row = tx.scalars(select(Accreditation).where(Accreditation.digest == digest)).one()
    newest = current(tx, row.subject)
    return newest is not None and newest.digest == digest and now < row.valid_until


def forget(tx: Transaction, digest: str) -> None:
    """Forget what an erased accreditation said of a person; who spoke for the name, and until when, stays."""
    row = tx.scalars(select(Accreditation).where(Accreditation.digest == digest)).first()
    if row is not None:
        row.name = row.institution = row.country = ""
