"""Rings of the doorbell, and which jobs need another one.

A ring is a row of the outbox, written in the transaction that made the job due; the relay sends it afterwards.
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import bindparam, case, delete, or_, select, update
from sqlalchemy.orm import Session

from sandbox.store.base import Moment
from sandbox.store.machines import is_bound
from sandbox.store.tables import JOB, JobRow, OutboxRow

RING_AGAIN_AFTER = dt.timedelta(seconds=10)

# Asked several times a second: the statements are made once, and compiled once.
_NOTE_RUNG = update(JOB).where(JobRow.id == bindparam("rung_job"))
_MACHINE = case((is_bound(bindparam("since", type_=Moment())), JobRow.machine), else_=None).label("machine")
_UNSENT = (
    select(OutboxRow.id, OutboxRow.job_id, _MACHINE)
    .join(JobRow, JobRow.id == OutboxRow.job_id)
    .order_by(OutboxRow.id)
    .limit(bindparam("most"))
)


def ring(session: Session, job_id: str, now: dt.datetime) -> None:
    """Ask the relay to wake a worker for this job."""
    session.add(OutboxRow(job_id=job_id))
    session.execute(_NOTE_RUNG, {"rung_job": job_id, "rung_at": now})


def due_jobs(session: Session, now: dt.datetime) -> Sequence[str]:
    """Read the jobs that are due and free and have not been rung for lately, the oldest first."""
    unrung = or_(JobRow.rung_at.is_(None), JobRow.rung_at <= now - RING_AGAIN_AFTER, JobRow.rung_at < JobRow.due_at)
    free = or_(JobRow.lease_until.is_(None), JobRow.lease_until <= now)
    return session.scalars(select(JobRow.id).where(JobRow.due_at <= now, free, unrung).order_by(JobRow.number)).all()


def ring_due(session: Session, now: dt.datetime) -> int:
    """Ring for every job that `due_jobs` finds; return how many that were."""
    ids = due_jobs(session, now)
    for job_id in ids:
        ring(session, job_id, now)
    return len(ids)


def unsent_rings(session: Session, limit: int, since: dt.datetime) -> Sequence[tuple[int, str, str | None]]:
    """Read the oldest rings that are not with the broker yet: (row, job, the one machine to be rung or None).

    A machine is rung alone for its own jobs, as long as it has said since `since` that it lives.
    """
    rows = session.execute(_UNSENT, {"since": since, "most": limit})
    return [(row.id, row.job_id, row.machine) for row in rows]


def forget_rings(session: Session, rows: Sequence[int]) -> None:
    """Drop rings that the broker has taken."""
    session.execute(delete(OutboxRow).where(OutboxRow.id.in_(rows)))
