"""What an admin may do to a job or an algorithm; every deed is audited with its reason."""

import datetime as dt

from sandbox.domain.job import TRANSITIONS, JobState
from sandbox.errors import BadInput
from sandbox.store import job
from sandbox.store.audit import record
from sandbox.store.base import Store
from sandbox.store.tables import JobRow
from sandbox.store.usage import QUARANTINE_LIFTED


def cancel_job(store: Store, order: str, reason: str, now: dt.datetime) -> str:
    """Ask for a job's end; its next tick cancels it. Returns the state it is in."""
    with store.transaction() as session:
        row = session.get(JobRow, order)
        if row is None:
            raise BadInput("job-unknown", f"This node has no job {order}.")
        if JobState.CANCELLED not in TRANSITIONS[JobState(row.state)]:
            raise BadInput("job-over", f"The job is {row.state} already; nothing can be cancelled.")
        job.request_cancel(session, order, now)
        record(session, now, "operator", "job-cancelled", order, reason)
        return row.state


def lift(store: Store, algorithm: str, reason: str, now: dt.datetime) -> None:
    """Let an algorithm be ordered again although a job of it failed."""
    with store.transaction() as session:
        record(session, now, "operator", QUARANTINE_LIFTED, algorithm, reason)
