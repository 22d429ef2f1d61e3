"""What a node lets begin: everything, nothing new, or nothing at all. Its admin says so, with a reason.

=============  =========================  ==========================================  ==========================
admission      orders                     charged jobs that have not started          chambers that run
=============  =========================  ==========================================  ==========================
accepting      are charged                start                                       run to their end
draining       wait before their charge   start: what was paid for is finished        run to their end
paused         wait before their charge   wait; padded ones move by whole epochs      run to their end
=============  =========================  ==========================================  ==========================

Chambers are never stopped half-way: that would cost a retry within the charge, and its time could be seen.
"""

from enum import StrEnum

from sandbox.domain.job import JobState
from sandbox.errors import Held


class Admission(StrEnum):
    """What a node lets begin."""

    ACCEPTING = "accepting"
    DRAINING = "draining"
    PAUSED = "paused"


_WAITS = {
    Admission.ACCEPTING: frozenset[JobState](),
    Admission.DRAINING: frozenset({JobState.VERIFIED}),
    Admission.PAUSED: frozenset({JobState.VERIFIED, JobState.CHARGED, JobState.STAGED}),
}


def check_admission(admission: Admission, state: JobState) -> None:
    """Hold back a job in this state (`node-draining`, `node-paused`) if nothing of its kind may begin now."""
    if state in _WAITS[admission]:
        raise Held(code_of(admission), f"The node's admin has it {admission}; the job goes on when the admin resumes.")


def code_of(admission: Admission) -> str:
    """Why a job waits."""
    return f"node-{admission}"
