"""Mode `statistic` in place of steps 10 to 13: nothing is staged and no chamber runs; trusted code measures.

The job goes through the same states, under the same charge and fences, and leaves at the same fixed time. `staged` says
that the snapshot that was charged is here, `running` that the reserved time has begun. Exact numbers exist in this
process's memory only, between the snapshot and the noise.
"""

from protocol.documents.release import ReleasedOutput
from sandbox.actions.snapshot import charged_snapshot
from sandbox.actions.work import Pause, Work, pause_until
from sandbox.domain.job import JobState
from sandbox.gate import release_statistics
from sandbox.store import job


def stage(work: Work) -> Pause | None:
    """`charged` to `staged`: find the snapshot that was charged."""
    charged_snapshot(work)
    with work.node.store.transaction() as session:
        now = work.node.clock.now()
        job.move(session, work.held, JobState.STAGED, now, staged_fence=work.held.fence, next_chamber=0)
    return None


def wait_for_turn(work: Work) -> Pause | None:
    """In a `padded` job nothing is read before the time that was reserved: the jobs before it must not feel it."""
    if work.terms.policy.timing == "immediate" or work.row.start_at is None:
        return None
    return pause_until(work, work.row.start_at)


def release(work: Work) -> tuple[ReleasedOutput, ...]:
    """Measure the charged snapshot and release it through the gate, once."""
    from sandbox.data.statistic import measure_all

    offered = charged_snapshot(work)
    measured = measure_all(work.node.places.datasets / offered.directory, work.gate_plan.statistics)
    return release_statistics(work.gate_plan, measured)
