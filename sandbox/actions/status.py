"""What a node's admin sees: every job with its reason, every dataset with its budget. Ids, codes and schedules only."""

import datetime as dt
from typing import Any

from protocol.documents.policy import Policy
from sandbox.actions.admission import describe_admission
from sandbox.domain.job import JobState
from sandbox.domain.ledger import Scope
from sandbox.errors import BadInput
from sandbox.store import job, ledger
from sandbox.store.base import Session, Store
from sandbox.store.dataset import Offered, list_datasets
from sandbox.store.tables import JobRow

RECENT_JOBS = 200


def read_status(store: Store, policy: Policy, now: dt.datetime) -> dict[str, Any]:
    """Read jobs, counts by state, datasets with budgets, and the ledger's head."""
    with store.reading() as session:
        rows = job.recent_jobs(session, RECENT_JOBS)
        head = ledger.head(session)
        return {
            "timing": policy.timing,
            "admission": describe_admission(session),
            "states": _states(session, now),
            "jobs": [_job(row, now) for row in rows],
            "datasets": [_dataset(session, offered, policy) for offered in list_datasets(session)],
            "pool": _budget(ledger.spent(session, Scope.POOL, "people"), policy.pool_cap_nano),
            "ledger": {"entries": head.sequence, "head": head.digest},
        }


def sealed_receipt(store: Store, order: str) -> bytes:
    """The signed receipt of an order, byte for byte."""
    with store.reading() as session:
        sealed = job.read_sealed(session, order)
    if sealed is None:
        raise BadInput("receipt-missing", f"This node has sealed no receipt for order {order}.")
    return sealed.receipt


def _states(session: Session, now: dt.datetime) -> dict[str, int]:
    """Count jobs by the state that is shown."""
    counted = job.count_by_state(session)
    early = job.count_sealed_early(session, now)
    shown = {JobState.SEALED: counted.get(JobState.SEALED, 0) - early}
    shown[JobState.RUNNING] = counted.get(JobState.RUNNING, 0) + early
    return {state: count for state, count in (counted | shown).items() if count}


def _shown_state(row: JobRow, now: dt.datetime) -> str:
    """A padded job runs until its release leaves, for all that is shown: when it was sealed depends on the data."""
    early = row.state == JobState.SEALED and row.release_at is not None and now < row.release_at
    return JobState.RUNNING if early else row.state


def _job(row: JobRow, now: dt.datetime) -> dict[str, Any]:
    return {
        "order": row.id,
        "state": _shown_state(row, now),
        "code": row.code,
        "sentence": row.sentence,
        "researcher": row.researcher,
        "project": row.project,
        "dataset": row.dataset,
        "algorithm": row.algorithm,
        "rho_charged_nano": row.rho_charged_nano,
        "received_at": row.received_at,
        "release_at": row.release_at,
        "fence": row.fence,
        "losses": row.losses,
        **_progress(row, now),
    }


def _progress(row: JobRow, now: dt.datetime) -> dict[str, Any]:
    """How far the chambers are: by the clock in a padded job, whose course must not show; else as they are."""
    if row.terms is None or row.start_at is None or row.slots_end_at is None:
        return {}
    chambers = int(row.terms["chambers"])
    state = _shown_state(row, now)
    if row.terms["policy"]["timing"] == "immediate" or state != JobState.RUNNING:
        done = row.next_chamber if state == JobState.RUNNING else _all_or_none(row, chambers)
        return {"chambers": chambers, "chambers_done": done}
    whole = max(row.slots_end_at - row.start_at, dt.timedelta(seconds=1))
    elapsed = min(max((now - row.start_at) / whole, 0.0), 1.0)
    return {"chambers": chambers, "chambers_done": int(chambers * elapsed)}


def _all_or_none(row: JobRow, chambers: int) -> int:
    return chambers if row.state in (JobState.SEALED, JobState.REPORTED) else 0


def _dataset(session: Session, offered: Offered, policy: Policy) -> dict[str, Any]:
    facts = offered.facts
    return {
        "dataset": facts.dataset,
        "snapshot": facts.snapshot,
        "people": facts.people,
        "slots": facts.slots,
        "unit": facts.unit.value,
        "duo": list(facts.duo),
        **_budget(ledger.spent(session, Scope.LINEAGE, facts.lineage), policy.dataset_cap_nano),
    }


def _budget(spent: int, cap: int) -> dict[str, int]:
    return {"rho_cap_nano": cap, "rho_spent_nano": spent, "rho_left_nano": max(cap - spent, 0)}
