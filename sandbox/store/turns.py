"""Who waits for a turn, what is reserved, and how the next one is woken: the database side of `domain.turns`."""

import datetime as dt
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from sandbox.domain.job import CHARGED_AND_OPEN, JobState
from sandbox.domain.turns import WAITS, Limits, Need, Reserved, Standing, Waiting, whose_turn
from sandbox.store.base import Moment
from sandbox.store.rings import ring
from sandbox.store.tables import JobRow

NEED = "need"  # in the terms that the charge pins

# What every charge and every end of a claim asks: the statements are made once, and compiled once.
_IS_WAITING = JobRow.state == JobState.VERIFIED, JobRow.code.in_(WAITS)
_WAITING = select(JobRow.id, JobRow.number, JobRow.project).where(*_IS_WAITING)
_ANY_WAITING = select(JobRow.id).where(*_IS_WAITING).limit(1)
_EARLY = and_(JobRow.slots_end_at > bindparam("now", type_=Moment()), JobRow.cancel_requested.is_(False))
_RESERVING = select(JobRow.state, JobRow.project, JobRow.machine, JobRow.terms).where(
    or_(JobRow.state.in_(CHARGED_AND_OPEN), _EARLY)
)


def read_standing(session: Session, now: dt.datetime, me: Waiting | None = None) -> Standing:
    """Read who waits, `me` among them, and what is reserved by schedule."""
    rows = session.execute(_WAITING)
    waiting = {row.id: Waiting(job=row.id, number=row.number, project=row.project) for row in rows}
    if me is not None:
        waiting[me.job] = me
    return Standing(
        waiting=tuple(waiting.values()),
        reserved=_reserved(session, now),
        served=_served(session, {one.project for one in waiting.values()}) if len(waiting) > 1 else {},
    )


def wake_next(session: Session, limits: Limits, now: dt.datetime) -> bool:
    """Have the order whose turn it is looked at at once; return whether there is one."""
    following = whose_turn(read_standing(session, now), limits) if is_somebody_waiting(session) else None
    if following is None:
        return False
    session.execute(update(JobRow).where(JobRow.id == following.job).values(due_at=now))
    ring(session, following.job, now)
    return True


def is_somebody_waiting(session: Session) -> bool:
    """Tell whether any order waits for its turn."""
    return session.scalar(_ANY_WAITING) is not None


def _reserved(session: Session, now: dt.datetime) -> tuple[Reserved, ...]:
    """Jobs that were charged and by schedule are not over; one that was sealed early keeps what it reserved."""
    found = session.execute(_RESERVING, {"now": now})
    rows = [row for row in found if row.state in CHARGED_AND_OPEN or _is_padded(row.terms)]
    return tuple(Reserved(project=row.project, machine=row.machine, need=need(row.terms)) for row in rows)


def _is_padded(terms: dict[str, Any] | None) -> bool:
    return terms is not None and terms["policy"]["timing"] == "padded"


def need(terms: dict[str, Any] | None) -> Need:
    """What a charged job reserved; one that an older version charged reserved nothing."""
    reserved = (terms or {}).get(NEED)
    return Need(**reserved) if isinstance(reserved, dict) else Need(memory=0, staging=0)


def _served(session: Session, projects: set[str]) -> dict[str, dt.datetime]:
    wanted = JobRow.project.in_(projects), JobRow.charged_at.is_not(None)
    rows = session.execute(select(JobRow.project, func.max(JobRow.charged_at)).where(*wanted).group_by(JobRow.project))
    return {row[0]: row[1] for row in rows if row[1] is not None}
