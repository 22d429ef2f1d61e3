"""What the node lets begin, as its admin said last: the latest of three marks. Who said why is in the audit."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from sandbox.domain.admission import Admission, code_of
from sandbox.store.audit import record
from sandbox.store.mark import raise_mark
from sandbox.store.tables import AuditRow, JobRow, Mark

_MARKS = {code_of(admission): admission for admission in Admission}
_SAID = select(Mark.at, Mark.name).where(Mark.name.in_(_MARKS))  # made and compiled once: every step asks it


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is so since when; None: it was never said, and the node accepts."""

    admission: Admission
    since: dt.datetime | None


def read_admission(session: Session) -> Standing:
    """Read what the admin said last."""
    said = session.execute(_SAID).all()
    if not said:
        return Standing(admission=Admission.ACCEPTING, since=None)
    since, name = max((row[0], row[1]) for row in said)
    return Standing(admission=_MARKS[name], since=since)


def write_admission(session: Session, admission: Admission, who: str, reason: str, now: dt.datetime) -> None:
    """Say it, with an entry in the audit, and have every job that waited for another word looked at again."""
    raise_mark(session, code_of(admission), now)
    record(session, now, who, code_of(admission), "node", reason)
    waited = JobRow.code.in_(_MARKS), JobRow.due_at.is_not(None)
    session.execute(update(JobRow).where(*waited).values(due_at=now, rung_at=None))


def reason_of(session: Session, admission: Admission) -> AuditRow | None:
    """Read who said it last, and why."""
    query = select(AuditRow).where(AuditRow.action == code_of(admission)).order_by(AuditRow.id.desc()).limit(1)
    return session.scalar(query)
