"""What an admin may do to a job or an algorithm; every deed is audited with its reason.

Of a padded job nothing is told here that its schedule does not tell: whether it is sealed already shows when its
release is due, and a request that came after the seal was too late.
"""

import datetime as dt

from sandbox.domain.job import BEFORE_CHARGE, CHARGED_AND_OPEN, ENDED, TRANSITIONS, JobState, is_hidden, shown_state
from sandbox.domain.reason import check_reason
from sandbox.errors import BadInput
from sandbox.store import job
from sandbox.store.audit import record
from sandbox.store.base import Session, Store
from sandbox.store.tables import JobRow
from sandbox.store.usage import QUARANTINE_LIFTED


def check_cancel(row: JobRow, now: dt.datetime) -> None:
    """Refuse (job-over) to cancel a job that is over; of a hidden one nothing tells whether it is."""
    state = JobState(row.state)
    if JobState.CANCELLED not in TRANSITIONS[state] and not is_hidden(state, job.times_of(row), now):
        raise BadInput("job-over", f"The job is {row.state} already; nothing can be cancelled.")


def check_retry(row: JobRow, now: dt.datetime) -> None:
    """Refuse (job-runs) to look sooner at a job that goes on by its schedule."""
    shown = shown_state(JobState(row.state), job.times_of(row), now)
    if shown in CHARGED_AND_OPEN:
        raise BadInput("job-runs", f"The job is {shown}, and goes on by its schedule; there is nothing to retry.")


def cancel_job(store: Store, order: str, reason: str, now: dt.datetime, who: str = "operator") -> str:
    """Ask for a job's end; its next tick cancels it, if it is not sealed. Returns the state that is shown of it."""
    reason = check_reason(reason)
    with store.transaction() as session:
        row = _known(session, order)
        check_cancel(row, now)
        job.request_cancel(session, order, now)
        record(session, now, who, "job-cancelled", order, reason)
        return shown_state(JobState(row.state), job.times_of(row), now)


def retry_job(store: Store, order: str, reason: str, now: dt.datetime, who: str = "operator") -> str:
    """Have a job that waits looked at now, or one that is over sent again; nothing that was computed is done again.

    A charged job goes on by itself, and one that failed keeps its charge: it is ordered anew, not retried.
    """
    reason = check_reason(reason)
    with store.transaction() as session:
        row = _known(session, order)
        check_retry(row, now)
        job.look_at(session, order, BEFORE_CHARGE | {JobState.SEALED} | ENDED, now)
        record(session, now, who, "job-retried", order, reason)
        return shown_state(JobState(row.state), job.times_of(row), now)


def lift(store: Store, algorithm: str, reason: str, now: dt.datetime, who: str = "operator") -> None:
    """Let an algorithm be ordered again although a job of it failed."""
    reason = check_reason(reason)
    with store.transaction() as session:
        record(session, now, who, QUARANTINE_LIFTED, algorithm, reason)


def _known(session: Session, order: str) -> JobRow:
    row = session.get(JobRow, order)
    if row is None:
        raise BadInput("job-unknown", f"This node has no job {order}; see `safeconduct node jobs`.")
    return row
