"""What a node's admin sees: every job with its reason, every dataset with its budget. Ids, codes and schedules only."""

import datetime as dt
from typing import Any

from protocol.documents.policy import Policy
from sandbox.actions.admission import describe_admission
from sandbox.actions.charge import POOL
from sandbox.domain.admission import Admission, code_of
from sandbox.domain.job import CHARGED_AND_OPEN, JobState, is_hidden, shown_state
from sandbox.domain.ledger import Scope
from sandbox.errors import BadInput
from sandbox.store import job, ledger
from sandbox.store.base import Session, Store
from sandbox.store.dataset import Offered, list_datasets
from sandbox.store.tables import JobRow

RECENT_JOBS = 200
WAITING_CODES = frozenset(code_of(admission) for admission in Admission)  # the admin's own word, nothing of the data


def read_status(store: Store, policy: Policy, now: dt.datetime) -> dict[str, Any]:
    """Read jobs, counts by state, datasets with budgets, and the ledger's head."""
    with store.reading() as session:
        rows = job.recent_jobs(session, RECENT_JOBS)
        head = ledger.head(session)
        return {
            "timing": policy.timing,
            "admission": describe_admission(session, now),
            "states": job.count_by_shown_state(session, now),
            "jobs": [describe_job(row, now) for row in rows],
            "datasets": describe_datasets(session, policy),
            "pool": describe_pool(session, policy),
            "ledger": {"entries": head.sequence, "head": head.digest},
        }


def list_jobs(
    store: Store, now: dt.datetime, *, state: str | None = None, project: str | None = None, limit: int = RECENT_JOBS
) -> list[dict[str, Any]]:
    """The newest jobs as they are shown, of one project or of all; with a state, those of them that are in it."""
    if state is not None and state not in set(JobState):
        raise BadInput("state-unknown", f"There is no state {state}; there are {', '.join(JobState)}.")
    with store.reading() as session:
        found = [describe_job(row, now) for row in job.recent_jobs(session, limit, project)]
    return [one for one in found if state in (None, one["state"])]


def list_offers(store: Store, policy: Policy) -> list[dict[str, Any]]:
    """Every dataset that this node offers, with its public facts and its budget."""
    with store.reading() as session:
        return describe_datasets(session, policy)


def sealed_receipt(store: Store, order: str, now: dt.datetime) -> bytes:
    """The signed receipt of an order, byte for byte; of a padded job, from its scheduled release on."""
    with store.reading() as session:
        row, sealed = session.get(JobRow, order), job.read_sealed(session, order)
    if row is None or sealed is None or is_hidden(JobState(row.state), job.times_of(row), now):
        raise BadInput("receipt-missing", f"This node has no receipt for order {order} yet.")
    return sealed.receipt


def describe_job(row: JobRow, now: dt.datetime) -> dict[str, Any]:
    """What is shown of one job: of a padded one, before its release is due, nothing but its schedule."""
    times, state = job.times_of(row), JobState(row.state)
    hidden = is_hidden(state, times, now)
    told = not hidden or row.code in WAITING_CODES
    return {
        "order": row.id,
        "state": shown_state(state, times, now),
        "code": row.code if told else None,
        "sentence": row.sentence if told else None,
        "researcher": row.researcher,
        "project": row.project,
        "dataset": row.dataset,
        "algorithm": row.algorithm,
        "rho_charged_nano": row.rho_charged_nano,
        "received_at": row.received_at,
        "start_at": row.start_at,
        "release_at": row.release_at,
        "fence": None if hidden else row.run_fence,
        "losses": None if hidden else row.losses,
        **_progress(row, now),
    }


def describe_datasets(session: Session, policy: Policy) -> list[dict[str, Any]]:
    """Every dataset with its budget."""
    return [_dataset(session, offered, policy) for offered in list_datasets(session)]


def describe_pool(session: Session, policy: Policy) -> dict[str, int]:
    """The budget of everybody in the node's datasets together."""
    return _budget(ledger.spent(session, Scope.POOL, POOL), policy.pool_cap_nano)


def _progress(row: JobRow, now: dt.datetime) -> dict[str, Any]:
    """How far the chambers are: by the clock in a padded job, whose course must not show; else as they are."""
    if row.terms is None or row.start_at is None or row.slots_end_at is None:
        return {}
    chambers = int(row.terms["chambers"])
    state = shown_state(JobState(row.state), job.times_of(row), now)
    if row.terms["policy"]["timing"] == "immediate" or state not in CHARGED_AND_OPEN:
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
