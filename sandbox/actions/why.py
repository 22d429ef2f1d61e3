"""Say in plain words why a job is where it is, and what happens next. Schedules and codes only, nothing of the data."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sandbox.actions.status import describe_job
from sandbox.domain.job import ENDED, JobState
from sandbox.errors import BadInput
from sandbox.store.base import Store
from sandbox.store.tables import JobEvent, JobRow

_NEXT = {
    JobState.RECEIVED: "It is examined next: signatures, policy, price. Nothing is charged yet.",
    JobState.HELD: "It waits before its charge and is looked at again at {due_at}.",
    JobState.VERIFIED: "It may run; its charge is next.",
    JobState.CHARGED: "It is paid for; its blocks are staged next. Chambers start at {start_at}.",
    JobState.STAGED: "Its blocks are staged; chambers start at {start_at}.",
    JobState.RUNNING: "Its chambers run; the last slot ends at {slots_end_at}.",
    JobState.SEALED: "Its answer is sealed and leaves at {release_at}.",
    JobState.REPORTED: "Its receipt and its answer are with the registry.",
    JobState.REFUSED: "It was refused before its charge; its receipt says why.",
    JobState.FAILED: "The machine failed it after its charge, which is kept; see the node's log.",
    JobState.CANCELLED: "It was cancelled; a charge that was made is kept.",
}


def explain_job(store: Store, order: str, now: dt.datetime) -> dict[str, Any]:
    """Explain one job: its state, the reason if it waits, what comes next, and its history."""
    with store.reading() as session:
        row = session.get(JobRow, order)
        if row is None:
            raise BadInput("job-unknown", f"This node has no job {order}; see `safeconduct node status`.")
        events = session.query(JobEvent).filter_by(job_id=order).order_by(JobEvent.id).all()
    return {**explain(row, now), "history": _history(row, events, now)}


def explain(row: JobRow, now: dt.datetime) -> dict[str, Any]:
    """The same of a job that was read already, without its history."""
    told = describe_job(row, now)
    return {
        "order": row.id,
        "state": told["state"],
        "code": told["code"],
        "because": told["sentence"],
        "next": _next(row, told["state"]),
        "tried_again": told["losses"],
    }


def _history(row: JobRow, events: Sequence[JobEvent], now: dt.datetime) -> list[dict[str, Any]]:
    """What happened when; of a padded job, what lies before its charge and after its release."""
    padded = row.terms is not None and row.terms["policy"]["timing"] == "padded"
    end = row.release_at if padded else None
    if end is not None and row.charged_at is not None:
        last = now >= end or row.state == JobState.REPORTED
        events = [one for one in events if one.at <= row.charged_at or (last and _is_end(one))]
    ends = {event.id: max(event.at, end) if end and _is_end(event) else event.at for event in events}
    return [{"at": ends[event.id], "state": event.state, "code": event.code} for event in events]


def _is_end(event: JobEvent) -> bool:
    return event.state in ENDED


def _next(row: JobRow, state: JobState) -> str:
    moments = {name: _told(getattr(row, name)) for name in ("due_at", "start_at", "slots_end_at", "release_at")}
    return _NEXT[state].format(**moments)


def _told(moment: dt.datetime | None) -> str:
    return "once it is known" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
