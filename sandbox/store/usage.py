"""What jobs have used so far of what approvals and the machine allow."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from sandbox.domain.job import CHARGED_AND_OPEN, JobState
from sandbox.store.restore import witnessed_use
from sandbox.store.tables import AuditRow, JobEvent, JobRow

QUARANTINE_LIFTED = "quarantine-lifted"
RESERVING = CHARGED_AND_OPEN | {JobState.SEALED, JobState.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Runs that were charged, and their rho in nano."""

    runs: int
    rho_nano: int


def of_approval(session: Session, algorithm: str, project: str) -> Usage:
    """Count what an approved algorithm has used in its project at this node: all charged runs, also lost ones."""
    wanted = JobRow.algorithm == algorithm, JobRow.project == project, JobRow.charged_at.is_not(None)
    runs, rho = session.execute(select(func.count(), func.sum(JobRow.rho_charged_nano)).where(*wanted)).one()
    more_runs, more_rho = witnessed_use(session, algorithm, project)
    return Usage(runs=runs + more_runs, rho_nano=int(rho or 0) + more_rho)


def failures_of_project(session: Session, project: str) -> int:
    """Count the jobs of a project that the machine failed after the charge."""
    wanted = JobRow.project == project, JobRow.state == JobState.FAILED
    return session.scalar(select(func.count()).select_from(JobRow).where(*wanted)) or 0


def is_quarantined(session: Session, algorithm: str) -> bool:
    """Tell whether a job of this algorithm failed after an admin last looked."""
    failed = select(func.max(JobEvent.at)).join(JobRow, JobRow.id == JobEvent.job_id)
    failed_at = session.scalar(failed.where(JobRow.algorithm == algorithm, JobEvent.state == JobState.FAILED))
    lifted = select(func.max(AuditRow.at)).where(AuditRow.action == QUARANTINE_LIFTED, AuditRow.subject == algorithm)
    lifted_at = session.scalar(lifted)
    return failed_at is not None and (lifted_at is None or lifted_at < failed_at)


def reserved_until(session: Session, machine: str) -> dt.datetime | None:
    """The end of the reservations of padded jobs on one machine that are not reported; None when there are none.

    Only padded jobs reserve: their release leaves later than their charge. A job that was sealed before its last slot
    was over keeps its reservation: when its chambers ended depends on the data, and the next job's chambers can see
    when they start. Only an admin, who asks for its end, gives a reservation back, whatever the job has come to.
    """
    wanted = JobRow.state.in_(RESERVING), JobRow.release_at > JobRow.charged_at, JobRow.cancel_requested.is_(False)
    here = or_(JobRow.machine == machine, JobRow.machine.is_(None))
    return session.scalar(select(func.max(JobRow.slots_end_at)).where(*wanted, here))


def is_reserving(session: Session, now: dt.datetime) -> bool:
    """Tell whether any job is between its charge and its scheduled release."""
    early = (JobRow.release_at > JobRow.charged_at) & (JobRow.release_at > now)
    wanted = select(JobRow.id).where(JobRow.state.in_(CHARGED_AND_OPEN) | early).limit(1)
    return session.scalar(wanted) is not None
