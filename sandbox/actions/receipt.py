"""Sign receipts: what was decided about an order, why, and what it cost.

Moments and heads in a receipt are those of the charge and of the schedule, never of the run: when a job was sealed
depends on how long its chambers took.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from protocol.documents.envelope import sign_statement
from protocol.documents.receipt import Receipt
from sandbox.actions.charge import POOL
from sandbox.actions.terms import Evidence
from sandbox.actions.watch_log import evidence as log_evidence
from sandbox.actions.work import Work
from sandbox.domain.caps import caps_of
from sandbox.domain.ledger import Scopes
from sandbox.gate import library_version
from sandbox.store import ledger

Decision = Literal["released", "refused", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided, with its code and a sentence for people."""

    decision: Decision
    code: str
    reason: str


def sign_receipt(work: Work, verdict: Verdict, issued: dt.datetime, release_digest: str | None) -> bytes:
    """Sign the receipt of one order, as this node."""
    row, policy = work.row, work.node.trust.policy
    evidence, left = _evidence(work)
    logged = log_evidence(work.node, row.id, charged=row.terms is not None)
    if row.terms is not None:
        policy = work.terms.policy
    receipt = Receipt(
        node=work.node.name,
        order=row.id,
        researcher=row.researcher,
        project=row.project,
        dataset=row.dataset,
        algorithm=row.algorithm,
        approvals=evidence.approvals,
        rosters=evidence.rosters,
        statuses=evidence.statuses,
        trust_root=evidence.trust_root,
        policy=evidence.policy,
        snapshot=evidence.snapshot,
        decision=verdict.decision,
        code=verdict.code,
        reason=verdict.reason,
        rho_charged_nano=row.rho_charged_nano,
        rho_left_nano=left,
        measurement=evidence.measurement,
        ledger_head=evidence.ledger_head,
        release_digest=release_digest,
        timing=policy.timing,
        profile=policy.profile,
        software=work.node.software,
        opendp=f"opendp {library_version()}",
        issued=issued,
        checkpoint=logged.checkpoint,
        proofs=logged.proofs,
    )
    return sign_statement(receipt, [work.node.signer])


def _evidence(work: Work) -> tuple[Evidence, int]:
    """What the charge pinned; without a charge, what the node relied on and the ledger as it is."""
    if work.row.terms is not None:
        return work.terms.evidence, work.row.rho_left_nano
    node = work.node
    with node.store.reading() as session:
        scopes = Scopes(
            pool=POOL,
            lineage=work.row.dataset,
            project=work.row.project,
            algorithm=work.row.algorithm,
            job=work.row.id,
        )
        left = ledger.left(session, scopes, caps_of(node.trust.policy))
        head = ledger.head(session).digest
    evidence = Evidence(
        approvals=work.order.approvals,
        trust_root=node.trust.root_digest,
        policy=node.trust.policy_digest,
        ledger_head=head,
    )
    return evidence, left
