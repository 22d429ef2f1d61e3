"""Steps 12 to 14, `running` to `sealed`, in one tick: untrusted outputs, the gate, the seal.

The noisy values exist in this process's memory only, between the gate and the encryption. Ciphertext, receipt and the
job's new state are written in one transaction: a crash before it repeats the gate on outputs that nobody outside has
learnt anything about; after it nothing is computed again, and whoever asks again gets the same bytes.
"""

import datetime as dt
import shutil

from protocol.chain import seal_release
from protocol.crypto.digest import sha256_hex
from protocol.documents.release import Release, ReleasedOutput
from sandbox.actions import statistic
from sandbox.actions.receipt import Verdict, sign_receipt
from sandbox.actions.stage import OUTPUTS
from sandbox.actions.work import Pause, Work, pause_until
from sandbox.domain.job import JobState
from sandbox.domain.schedule import next_epoch
from sandbox.gate import assumptions, epsilon, release
from sandbox.store import job

RELEASED = Verdict(decision="released", code="released", reason="The order ran as approved; the release is bound here.")


def seal(work: Work) -> Pause | None:
    """Release through the gate, once, and seal the answer to the order's recipient."""
    node = work.node
    outputs = _through_gate(work)
    ciphertext = seal_release(_release(work, outputs), work.order.recipient_bytes)
    leaves_at = _leaves_at(work)
    receipt = sign_receipt(work, RELEASED, leaves_at, sha256_hex(ciphertext))
    with node.store.transaction() as session:
        job.seal(session, work.held, receipt, ciphertext, node.clock.now())
        job.move(session, work.held, JobState.SEALED, node.clock.now(), release_at=leaves_at)
    shutil.rmtree(node.run_directory(work.row.id), ignore_errors=True)
    return pause_until(work, leaves_at)


def _through_gate(work: Work) -> tuple[ReleasedOutput, ...]:
    """What the gate lets out: of the chambers' outputs, or of what trusted code measures."""
    if not work.algorithm.runs_image:
        return statistic.release(work)
    untrusted_outputs = work.node.runtime.collect(work.directory / OUTPUTS, work.gate_plan.blocks)
    return release(work.gate_plan, untrusted_outputs)


def _leaves_at(work: Work) -> dt.datetime:
    """When the answer leaves: at its epoch, or the next one if the machine overran it; `immediate`: now."""
    now = work.node.clock.now()
    if work.terms.policy.timing == "immediate" or work.row.release_at is None:
        return now
    epoch = work.terms.policy.epoch_seconds
    return work.row.release_at if now <= work.row.release_at else next_epoch(now, epoch)


def _release(work: Work, outputs: tuple[ReleasedOutput, ...]) -> Release:
    plan, policy, facts = work.gate_plan, work.terms.policy, work.terms.facts
    return Release(
        order=work.row.id,
        node=work.node.name,
        dataset=facts.dataset,
        snapshot=facts.snapshot,
        people=plan.people,
        blocks=plan.blocks,
        mode=plan.mode,
        outputs=outputs,
        rho_nano=work.row.rho_charged_nano,
        delta=plan.delta,
        epsilon=epsilon(work.row.rho_charged_nano, plan.delta),
        timing=policy.timing,
        profile=policy.profile,
        assumptions=(*assumptions(plan, timing=policy.timing, profile=policy.profile), *facts.assumptions),
    )
