"""One ring of the doorbell: claim the job, take short steps while the time lasts, give the job back.

The state says which step comes next; each step is idempotent and writes under the claim's fence. What a step raises
decides how the job goes on:

=====================  =================================  ======================================
raised                 before the charge                  after it
=====================  =================================  ======================================
Refused                refused, with a receipt            failed (a plan that was charged is ours)
Held                   held, tried again later            the same step again, later
LedgerBroken           held: nothing is charged           the same step again, later
Unreachable            the same step again, later         the same step again, later: nothing ran meanwhile
disk or memory full    held, tried again later            the same step again, later
InfrastructureLost     the same step again, later         again from the charge, twice; then failed
anything else          the same step again; then refused  again from the charge, twice; then failed
Fenced                 another worker has the job: everything is dropped
=====================  =================================  ======================================

Sending a sealed end is tried until the registry takes it. An engine that went away amid a run is lost, not unreachable:
an image that brings it down each time meets its end after three runs.
"""

import datetime as dt
import errno
import shutil
import traceback

import structlog

from sandbox.actions import charge, end, report, run, seal, stage, statistic, verify
from sandbox.actions.lease import kept_alive, take
from sandbox.actions.node import Node
from sandbox.actions.since_restore import since_restore
from sandbox.actions.work import Pause, Step, Work
from sandbox.domain.admission import check_admission
from sandbox.domain.job import BEFORE_CHARGE, CHARGED_AND_OPEN, JobState, state_after_loss
from sandbox.domain.turns import CODES as TURNS
from sandbox.errors import Fenced, Held, InfrastructureLost, LedgerBroken, Refused, SafeconductError, Unreachable
from sandbox.store import job
from sandbox.store.admission import read_admission
from sandbox.store.job import Claim
from sandbox.store.turns import wake_next

FIRST_DELAY = dt.timedelta(seconds=1)
LONGEST_DELAY = dt.timedelta(minutes=5)
HOLD = dt.timedelta(seconds=30)
TURN = dt.timedelta(seconds=60)  # whose turn it is gets rung for at once; this is for when that ring is lost
OWN_FAULTS = 5  # how often our own unexpected error is tried again before the charge

log = structlog.get_logger()


def _stage(work: Work) -> Pause | None:
    return stage.stage(work) if work.algorithm.runs_image else statistic.stage(work)


def _run_or_seal(work: Work) -> Pause | None:
    if not work.algorithm.runs_image:
        return statistic.wait_for_turn(work) or seal.seal(work)
    return seal.seal(work) if run.is_complete(work) else run.run(work)


STEPS: dict[JobState, Step] = {
    JobState.RECEIVED: verify.verify,
    JobState.HELD: verify.take_up,
    JobState.VERIFIED: charge.charge,
    JobState.CHARGED: _stage,
    JobState.STAGED: run.start,
    JobState.RUNNING: _run_or_seal,
    JobState.SEALED: report.report,
    JobState.REPORTED: report.report,
    JobState.REFUSED: report.report,
    JobState.FAILED: report.report,
    JobState.CANCELLED: report.report,
}


def tick(node: Node, job_id: str, owner: str) -> None:
    """Do what is due for one job, if it is due and free."""
    held = take(node, job_id, owner)
    if held is None:
        return
    try:
        with kept_alive(node, held):
            due_at = _work(node, held)
            now = node.clock.now()
            with node.store.transaction() as session:
                job.give_back(session, held, due_at, now)
                if due_at is None:
                    wake_next(session, node.limits, now)
    except Fenced:
        log.warning("fenced", job=job_id, fence=held.fence)
        _clear_away(node, held)


def _clear_away(node: Node, held: Claim) -> None:
    """Remove what this worker may have made after it was overtaken; the overtaker's fence is higher."""
    node.runtime.remove_below(held.job_id, held.run_fence + 1)
    with node.store.reading() as session:
        staged = job.staged_fence(session, held.job_id)
    if staged != held.fence:
        shutil.rmtree(node.run_directory(held.job_id) / str(held.fence), ignore_errors=True)


def _work(node: Node, held: Claim) -> dt.datetime | None:
    """Take steps until one pauses or the slice is over; return when the job is due again."""
    until = node.clock.now() + node.times.slice
    while True:
        pause = _step(node, held, until)
        if pause is not None:
            return pause.due_at
        now = node.clock.now()
        if now >= until:
            return now


def _step(node: Node, held: Claim, until: dt.datetime) -> Pause | None:
    with node.store.reading() as session:
        row = job.read_claimed(session, held)
        admission = read_admission(session).admission
    work = Work(node=node, held=held, row=row, until=until)
    try:
        ending = since_restore(work)
        if ending is not None:
            return ending(work)
        if row.cancel_requested and work.state in BEFORE_CHARGE | CHARGED_AND_OPEN:
            return end.cancel(work)
        check_admission(admission, work.state)
        return STEPS[work.state](work)
    except Fenced:
        raise
    except Exception as error:  # whatever happens to a job, its state says how it goes on
        return _settle(work, error)
    finally:
        _note_step(node, held, work)


def _settle(work: Work, error: Exception) -> Pause | None:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        error = Held("disk-full", "The node has no room left on a disk or in memory; it goes on when there is some.")
    code = error.code if isinstance(error, SafeconductError) else "internal-error"
    log.warning("step-ended", job=work.row.id, state=work.state, code=code, **_place(error))
    if work.state in BEFORE_CHARGE:
        return _settle_before_charge(work, error, code)
    if isinstance(error, Held):
        return _wait(work, error)
    if work.state in CHARGED_AND_OPEN and not isinstance(error, LedgerBroken | Unreachable):
        return _lose(work, code)
    return _delay(work, code)


def _settle_before_charge(work: Work, error: Exception, code: str) -> Pause | None:
    if isinstance(error, Refused):
        return end.refuse(work, error)
    if work.state is JobState.VERIFIED and isinstance(error, Held) and code in TURNS:
        return _wait(work, error, TURN)
    if isinstance(error, Held | LedgerBroken):
        return _hold(work, error)
    if isinstance(error, InfrastructureLost) or work.row.delays < OWN_FAULTS:
        return _delay(work, code)
    return end.refuse(work, SafeconductError(code, "The node could not examine this order; its admin has the details."))


def _hold(work: Work, held: SafeconductError) -> Pause:
    now = work.node.clock.now()
    with work.node.store.transaction() as session:
        if work.state is not JobState.HELD:
            job.move(session, work.held, JobState.HELD, now, code=held.code, sentence=held.sentence)
    return Pause(due_at=now + HOLD)


def _wait(work: Work, held: Held, pause: dt.timedelta = HOLD) -> Pause:
    """Leave a job where it is, and say why it waits."""
    with work.node.store.transaction() as session:
        job.note(session, work.held, code=held.code, sentence=held.sentence)
    return Pause(due_at=work.node.clock.now() + pause)


def _delay(work: Work, code: str) -> Pause:
    """Try the same step again, later each time."""
    now = work.node.clock.now()
    with work.node.store.transaction() as session:
        job.note(session, work.held, code=code, delays=work.row.delays + 1)
    return Pause(due_at=now + min(FIRST_DELAY * 2 ** min(work.row.delays, 10), LONGEST_DELAY))


def _lose(work: Work, code: str) -> Pause | None:
    """Run again from the charge, at most twice; then the job has failed."""
    losses = work.row.losses + 1
    if state_after_loss(work.state, losses) is JobState.FAILED:
        return end.fail(work, code)
    now = work.node.clock.now()
    again = {"losses": losses, "next_chamber": 0, "run_fence": work.held.fence}
    with work.node.store.transaction() as session:
        if work.state is JobState.CHARGED:
            job.note(session, work.held, code=code, **again)
        else:
            job.move(session, work.held, JobState.CHARGED, now, code=code, **again)
    return Pause(due_at=now + FIRST_DELAY)


def _place(error: Exception) -> dict[str, str]:
    """Where an unexpected error came from; never its message, which may quote data."""
    if isinstance(error, SafeconductError):
        return {}
    last = traceback.extract_tb(error.__traceback__)[-1]
    return {"error": type(error).__name__, "where": f"{last.filename}:{last.lineno}"}


def _note_step(node: Node, held: Claim, work: Work) -> None:
    """Log a step; of a padded job none between its charge and its end: when they were taken depends on the data."""
    if not (work.state in CHARGED_AND_OPEN and node.trust.policy.timing == "padded"):
        log.info("step", node=node.name, job=held.job_id, fence=held.fence, state=work.state)
