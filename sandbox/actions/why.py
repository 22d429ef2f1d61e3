"""Say in plain words why a job is where it is, and what happens next. Schedules and codes only, nothing of the data."""

import datetime as dt
from typing import Any

from sandbox.domain.job import JobState
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


def explain_job(store: Store, order: str) -> dict[str, Any]:
    """Explain one job: its state, the reason if it waits, what comes next, and its history."""
    with store.reading() as session:
        row = session.get(JobRow, order)
        if row is None:
            raise BadInput("job-unknown", f"This node has no job {order}; see `safeconduct node status`.")
        events = session.query(JobEvent).filter_by(job_id=order).order_by(JobEvent.id).all()
    return {
        "order": row.id,
        "state": row.state,
        "code": row.code,
        "because": row.sentence,
        "next": _next(row),
        "tried_again": row.losses,
        "history": [{"at": event.at, "state": event.state, "code": event.code} for event in events],
    }


def _next(row: JobRow) -> str:
    moments = {name: _told(getattr(row, name)) for name in ("due_at", "start_at", "slots_end_at", "release_at")}
    return _NEXT[JobState(row.state)].format(**moments)


def _told(moment: dt.datetime | None) -> str:
    return "once it is known" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
