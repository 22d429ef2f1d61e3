"""The states of a job and the one table of its transitions.

Rules. `refused` is possible only before the charge and `failed` only after it. `held` goes back to `received`, so
that whatever a job waited for, it is verified anew. An infrastructure loss sends a charged job back to `charged`:
staging and chambers run again within the same charge. Nothing leaves `sealed` but the report; a sealed answer is
never computed twice. The diagram of the manual is made by `draw_diagram`.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

RETRIES_AFTER_LOSS = 2


class JobState(StrEnum):
    """What has happened to a job, as past participles."""

    RECEIVED = "received"
    HELD = "held"
    VERIFIED = "verified"
    CHARGED = "charged"
    STAGED = "staged"
    RUNNING = "running"
    SEALED = "sealed"
    REPORTED = "reported"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


_S = JobState

TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    _S.RECEIVED: frozenset({_S.VERIFIED, _S.HELD, _S.REFUSED, _S.CANCELLED}),
    _S.HELD: frozenset({_S.RECEIVED, _S.REFUSED, _S.CANCELLED}),
    _S.VERIFIED: frozenset({_S.CHARGED, _S.HELD, _S.REFUSED, _S.CANCELLED}),
    _S.CHARGED: frozenset({_S.STAGED, _S.FAILED, _S.CANCELLED}),
    _S.STAGED: frozenset({_S.RUNNING, _S.CHARGED, _S.FAILED, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.SEALED, _S.CHARGED, _S.FAILED, _S.CANCELLED}),
    _S.SEALED: frozenset({_S.REPORTED}),
    _S.REPORTED: frozenset(),
    _S.REFUSED: frozenset(),
    _S.FAILED: frozenset(),
    _S.CANCELLED: frozenset(),
}

BEFORE_CHARGE = frozenset({_S.RECEIVED, _S.HELD, _S.VERIFIED})
CHARGED_AND_OPEN = frozenset({_S.CHARGED, _S.STAGED, _S.RUNNING})
ENDED_WITHOUT_RELEASE = frozenset({_S.REFUSED, _S.FAILED, _S.CANCELLED})
ENDED = ENDED_WITHOUT_RELEASE | {_S.REPORTED}


def check_transition(before: JobState, after: JobState) -> None:
    """Raise RuntimeError unless the table allows this step: a wrong one is our own mistake, never a peer's."""
    if after not in TRANSITIONS[before]:
        raise RuntimeError(f"no transition from {before} to {after}")


def state_after_loss(state: JobState, attempt: int) -> JobState:
    """Say where an infrastructure loss takes a charged job: once more from the charge, or `failed` after two retries.

    `attempt` counts the losses so far, this one included.
    """
    if state not in CHARGED_AND_OPEN:
        raise RuntimeError(f"a job that is {state} has no charge to run again under")
    return _S.CHARGED if attempt <= RETRIES_AFTER_LOSS else _S.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What the charge fixed of a job's course: all that may be shown of a padded one before its release is due."""

    charged_at: dt.datetime | None
    start_at: dt.datetime | None
    release_at: dt.datetime | None


def is_hidden(state: JobState, times: Times, now: dt.datetime) -> bool:
    """Tell whether only a job's schedule may be shown: a padded one between its charge and its scheduled release.

    When its blocks were staged and it was sealed, and whether it failed or was cancelled in time, depends on data.
    """
    if times.charged_at is None or times.release_at is None or state is JobState.REPORTED:
        return False
    return times.charged_at < times.release_at and now < times.release_at


def shown_state(state: JobState, times: Times, now: dt.datetime) -> JobState:
    """The state that people and programs are told: of a hidden job, what its schedule says."""
    if not is_hidden(state, times, now):
        return state
    return JobState.CHARGED if times.start_at is None or now < times.start_at else JobState.RUNNING


def draw_diagram() -> str:
    """Draw the table as a Mermaid state diagram, one line per transition, in the order of the enum."""
    order = list(JobState)
    lines = ["stateDiagram-v2", f"    [*] --> {JobState.RECEIVED}"]
    for before in order:
        lines += [f"    {before} --> {after}" for after in sorted(TRANSITIONS[before], key=order.index)]
    lines += [f"    {state} --> [*]" for state in order if state in ENDED]
    return "\n".join(lines) + "\n"
