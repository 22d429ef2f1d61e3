"""What went wrong at a node, when, and who decided what about it: read from what the node keeps anyway.

A job that the machine failed quarantines its algorithm until an admin lifts that; a log that went back holds every
order until an admin accepts it anew; a ledger older than its head stops all charges until two custodians restore it.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sandbox.domain.job import JobState, is_hidden
from sandbox.errors import LedgerBroken
from sandbox.store import job
from sandbox.store.audit import of_actions
from sandbox.store.base import Session, Store
from sandbox.store.ledger_head import check_head
from sandbox.store.tables import AuditRow
from sandbox.store.usage import QUARANTINE_LIFTED

MOST = 100
LOG_ALARM, LOG_ACCEPTED, RESTORED = "log-alarm", "log-accepted", "ledger-restored"


def list_incidents(store: Store, ledger_head: Path, now: dt.datetime) -> list[dict[str, Any]]:
    """Every incident that is known, the newest first: kind, subject, code, moment, and the decision if there is one."""
    with store.reading() as session:
        decisions = of_actions(session, (QUARANTINE_LIFTED, LOG_ACCEPTED))
        found = [
            *_ledger(session, ledger_head, now),
            *_failed_jobs(session, decisions, now),
            *_alarms(session, decisions),
            *_restores(session),
        ]
    return sorted(found, key=lambda incident: incident["at"], reverse=True)


def _failed_jobs(session: Session, decisions: Sequence[AuditRow], now: dt.datetime) -> Iterator[dict[str, Any]]:
    for event, row in job.failures(session, MOST):
        if not is_hidden(JobState(row.state), job.times_of(row), now):
            made = _first_after(decisions, QUARANTINE_LIFTED, row.algorithm, event.at)
            shown = {"kind": "job-failed", "subject": row.id, "algorithm": row.algorithm, "code": event.code}
            yield _incident(event.at, **shown, decision=made)


def _alarms(session: Session, decisions: Sequence[AuditRow]) -> Iterator[dict[str, Any]]:
    for line in of_actions(session, (LOG_ALARM,)):
        made = _first_after(decisions, LOG_ACCEPTED, line.subject, line.at)
        yield _incident(line.at, kind="log-not-believed", subject=line.subject, code=line.code, decision=made)


def _restores(session: Session) -> Iterator[dict[str, Any]]:
    for line in of_actions(session, (RESTORED,)):
        yield _incident(line.at, kind="ledger-restored", subject=line.subject, code=None, decision=line)


def _ledger(session: Session, ledger_head: Path, now: dt.datetime) -> Iterator[dict[str, Any]]:
    try:
        check_head(ledger_head, session)
    except LedgerBroken as broken:
        yield _incident(now, kind="ledger-behind", subject="ledger", code=broken.code, decision=None)


def _first_after(lines: Sequence[AuditRow], action: str, subject: str, at: dt.datetime) -> AuditRow | None:
    wanted = (line for line in lines if (line.action, line.subject) == (action, subject) and line.at >= at)
    return next(wanted, None)


def _incident(at: dt.datetime, *, decision: AuditRow | None, **shown: str | None) -> dict[str, Any]:
    made = None if decision is None else {"who": decision.who, "at": decision.at, "reason": decision.code}
    return {"at": at, "algorithm": None, **shown, "decision": made}
