"""What metrics count in the database: who waits for what, and what was refused."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sandbox.domain.job import BEFORE_CHARGE, JobState
from sandbox.store.tables import JobRow

NO_REASON = "next"  # a job that waits for nothing but a worker


def read_waits(session: Session) -> Sequence[tuple[str, int, dt.datetime]]:
    """Read, for each reason, how many jobs wait before their charge, and since when the oldest of them is here."""
    query = (
        select(JobRow.code, func.count(), func.min(JobRow.received_at))
        .where(JobRow.state.in_(BEFORE_CHARGE))
        .group_by(JobRow.code)
        .order_by(JobRow.code)
    )
    return [(row[0] or NO_REASON, row[1], row[2]) for row in session.execute(query)]


def read_refusals(session: Session) -> Sequence[tuple[str, int]]:
    """Count the orders that were refused, by code: a refusal never depends on protected data."""
    query = select(JobRow.code, func.count()).where(JobRow.state == JobState.REFUSED).group_by(JobRow.code)
    return [(row[0] or "", row[1]) for row in session.execute(query.order_by(JobRow.code))]
