"""End a job without a release: refused before the charge, failed or cancelled. Each end has a signed receipt.

A failure after the charge is the machine's, never the algorithm's. It keeps the charge and is reported when the
release would have left.
"""

import shutil
from contextlib import suppress

from sandbox.actions.receipt import Decision, Verdict, sign_receipt
from sandbox.actions.work import Pause, Work, pause_until
from sandbox.domain.job import CHARGED_AND_OPEN, JobState
from sandbox.errors import InfrastructureLost, SafeconductError
from sandbox.store import job

RESTORED = "ledger-restored"

_STATES: dict[Decision, JobState] = {
    "refused": JobState.REFUSED,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
}


def refuse(work: Work, refused: SafeconductError) -> Pause | None:
    """End a job before its charge; the ledger is as it was."""
    return _end(work, Verdict(decision="refused", code=refused.code, reason=refused.sentence))


def fail(work: Work, code: str) -> Pause | None:
    """End a job whose machine failed after the charge. The sentence never says what the data made of it."""
    sentence = "The node failed to run this job; the charge is kept, and the failure lies outside the privacy claim."
    return _end(work, Verdict(decision="failed", code=code, reason=sentence))


def cancel(work: Work) -> Pause | None:
    """End a job that the node's admin cancelled; a charge that was made is kept."""
    sentence = "The node's admin cancelled this job; a charge that was made is kept."
    return _end(work, Verdict(decision="cancelled", code="cancelled", reason=sentence))


def withdraw(work: Work) -> Pause | None:
    """End a job that was charged before a restore of the ledger: its answer may have left, so none is made."""
    sentence = "The node was restored from a backup that held this job unfinished; its charge is kept. Order anew."
    return _end(work, Verdict(decision="cancelled", code=RESTORED, reason=sentence))


def repeat(work: Work, receipt: bytes) -> Pause | None:
    """End a job that was answered before a restore with its witnessed receipt, byte for byte."""
    sentence = "This order was answered before the node was restored from a backup; its receipt of then is sent again."
    return _close(work, JobState.CANCELLED, receipt, RESTORED, sentence)


def _end(work: Work, verdict: Verdict) -> Pause | None:
    now = work.node.clock.now()
    leaves_at = max(now, work.row.release_at or now)
    receipt = sign_receipt(work, verdict, leaves_at, None)
    _close(work, _STATES[verdict.decision], receipt, verdict.code, verdict.reason)
    return pause_until(work, leaves_at)


def _close(work: Work, state: JobState, receipt: bytes, code: str, sentence: str) -> Pause | None:
    node, now = work.node, work.node.clock.now()
    if work.state in CHARGED_AND_OPEN and work.algorithm.runs_image:
        # An engine that is gone must not keep the job from its end, or it would run again; the reaper comes by later.
        with suppress(InfrastructureLost):
            node.runtime.remove_below(work.row.id, work.row.fence + 1)
    with node.store.transaction() as session:
        job.seal(session, work.held, receipt, None, now)
        job.move(session, work.held, state, now, code=code, sentence=sentence)
    shutil.rmtree(node.run_directory(work.row.id), ignore_errors=True)
    return None
