"""What an accreditation office sees of its own: persons and nodes, keys, rosters, and when each ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from protocol.documents.accreditation import Accreditation
from protocol.documents.roster import Roster
from registry.actions import accepted
from registry.actions.desk import Desk
from registry.domain.account import Person
from registry.domain.caller import missing
from registry.domain.standing import check_standing
from registry.domain.workflow import Stage
from registry.errors import Unauthenticated
from registry.store import accreditation, document, roster, tables
from registry.store.base import Transaction

SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One accredited person or node; `standing` is `valid`, `ends soon`, or the code of what refuses it."""

    row: tables.Accreditation
    standing: str
    keyids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Committee:
    """One committee's newest roster; a member is a person, an institution and seats.

    `stage` is its part in the process of reviews here, or None where the process knows none for it.
    """

    row: tables.Roster
    members: tuple[tuple[str, str, str], ...]
    minimum_approvals: int
    stage: Stage | None


def list_people(desk: Desk, person: Person, now: datetime, *, after: int, limit: int) -> tuple[Entry, ...]:
    """Return one page of whom the office accredited."""
    with desk.store.reading() as tx:
        rows = accreditation.of_office(tx, person.subject, after=after, limit=limit)
        return tuple(_entry(tx, row, now) for row in rows)


def show_person(desk: Desk, person: Person, subject: str, now: datetime) -> Entry:
    """Return one of the office's own, with keys; Missing for anybody else's."""
    with desk.store.reading() as tx:
        row = accreditation.current(tx, subject)
        if row is None or row.office != person.subject:
            raise missing("person")
        envelopes = document.envelopes(tx, [row.digest])
        keys = tuple(key.keyid for raw in envelopes for key in accepted.read(raw, Accreditation).keys)
        return Entry(row=row, standing=_entry(tx, row, now).standing, keyids=keys)


def list_committees(desk: Desk, person: Person) -> tuple[Committee, ...]:
    """Return the newest roster of each of the office's committees."""
    with desk.store.reading() as tx:
        return tuple(
            _committee(tx, row, desk.workflow.stage(row.committee))
            for row in roster.newest_of_office(tx, person.subject)
        )


def _entry(tx: Transaction, row: tables.Accreditation, now: datetime) -> Entry:
    try:
        check_standing(accreditation.standing(row), accreditation.revocations(tx), now)
    except Unauthenticated as refusal:
        return Entry(row=row, standing=refusal.code)
    return Entry(row=row, standing="ends soon" if row.valid_until - now < SOON else "valid")


def _committee(tx: Transaction, row: tables.Roster, stage: Stage | None) -> Committee:
    (envelope,) = document.envelopes(tx, [row.digest])
    found = accepted.read(envelope, Roster)
    members = tuple((each.person, each.institution, ", ".join(each.seats)) for each in found.members)
    return Committee(row=row, members=members, minimum_approvals=found.minimum_approvals, stage=stage)
