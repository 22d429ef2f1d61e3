"""Step 11, `staged` to `running` and on: chambers, a slice at a time.

A slice ends when its time is up; chambers that still run are left running, and the next tick, also in another process,
finds them by job and run fence. When a worker died, the run fence has grown: what the lower one left is killed and
removed first, and only chambers without an outcome run again, within the same charge. In a `padded` job their slots
are moved by whole epochs, and the release with them.
"""

import datetime as dt
from pathlib import Path

from sandbox.actions.stage import BLOCKS, OUTPUTS
from sandbox.actions.view import input_json
from sandbox.actions.work import Pause, Work
from sandbox.domain.chamber import ChamberPlan, Profile, Timing, uid_base
from sandbox.domain.job import JobState
from sandbox.domain.schedule import Schedule, postpone
from sandbox.errors import InfrastructureLost
from sandbox.store import job

HEAD_START = dt.timedelta(seconds=1)  # how long before its first slot a padded job must be ready


def start(work: Work) -> Pause | None:
    """`staged` to `running`: nothing runs yet, but from now on the schedule is the chambers'."""
    node = work.node
    now = node.clock.now()
    with node.store.transaction() as session:
        job.move(session, work.held, JobState.RUNNING, now, **_postponed(work, 0, now))
    return None


def run(work: Work) -> Pause | None:
    """Run chambers until the slice is over; when all have an outcome, the job is ready to be sealed."""
    node, row = work.node, work.row
    directory = work.directory
    if not (directory / BLOCKS).exists():
        raise InfrastructureLost("staging-lost", "The staged blocks are gone; the machine was started anew.")
    if work.held.taken_over:
        node.runtime.remove_below(row.id, row.run_fence)
        if moved := _postponed(work, row.next_chamber, node.clock.now()):
            with node.store.transaction() as session:
                job.note(session, work.held, **moved)
            return Pause(due_at=node.clock.now())
    plan = chamber_plan(work, directory)
    if (look := _next_look(plan, row.next_chamber)) > node.clock.now():
        return Pause(due_at=look)
    following = node.runtime.run_slice(plan, row.next_chamber, directory / OUTPUTS, work.until)
    with node.store.transaction() as session:
        job.note(session, work.held, next_chamber=following)
    return None


def is_complete(work: Work) -> bool:
    """Whether every chamber has its outcome."""
    return work.row.next_chamber >= work.gate_plan.blocks


def chamber_plan(work: Work, directory: Path) -> ChamberPlan:
    """Everything the runtime needs to know, from what was charged and from public facts."""
    from sandbox.data.stage import staged

    row, algorithm, policy = work.row, work.algorithm, work.terms.policy
    if row.image_id is None or row.start_at is None:
        raise RuntimeError("a job runs only after it was verified and charged")
    return ChamberPlan(
        job=row.id,
        fence=row.run_fence,
        image_id=row.image_id,
        entrypoint=algorithm.entrypoint,
        input_json=input_json(work.order, work.terms.facts),
        block_dirs=tuple(staged(directory / BLOCKS, work.gate_plan.blocks)),
        slot_milliseconds=algorithm.slot_milliseconds,
        memory_bytes=algorithm.memory_bytes,
        output_bytes=algorithm.output_bytes,
        timing=Timing(policy.timing),
        profile=Profile(policy.profile),
        start_at=row.start_at,
        lanes=policy.lanes,
        seccomp=work.node.seccomp,
        oci_runtime=work.node.oci_runtime,
        uid_base=uid_base(row.id),
    )


def _postponed(work: Work, first_open: int, now: dt.datetime) -> dict[str, dt.datetime]:
    """Times moved by whole epochs, if a padded job's next slot cannot start in time; else nothing."""
    row, policy = work.row, work.terms.policy
    if policy.timing != "padded" or not (row.start_at and row.slots_end_at and row.release_at):
        return {}
    times = Schedule(start_at=row.start_at, slots_end_at=row.slots_end_at, release_at=row.release_at)
    slot = dt.timedelta(milliseconds=work.algorithm.slot_milliseconds) * (first_open // policy.lanes)
    late = now + HEAD_START - (times.start_at + slot)
    if late <= dt.timedelta():
        return {}
    moved = postpone(times, late, policy.epoch_seconds)
    return {"start_at": moved.start_at, "slots_end_at": moved.slots_end_at, "release_at": moved.release_at}


def _next_look(plan: ChamberPlan, chamber: int) -> dt.datetime:
    """When there is something to do for this chamber: shortly before its slot; in an immediate job, always."""
    if plan.timing is Timing.IMMEDIATE or chamber >= plan.chambers:
        return plan.start_at
    start, _ = plan.slot(chamber)
    return start - HEAD_START
