"""Step 9, `verified` to `charged`: one transaction, before any chamber sees data.

Orders are charged in the order of `domain.turns`. Inside the transaction, what may have changed since step 8 is checked
again: revocations, the order's window, the nonce, the runs and rho that the approvals allow at this node, failures of
the project, every cap, and whether it is this order's turn. Then all accounts are debited
together and the job's terms and times are pinned. After the commit the ledger's head goes to its file outside the
database. A refusal here leaves the ledger as it was.
"""

import datetime as dt
from dataclasses import asdict, dataclass

from protocol.chain import OrderBundle, VerifiedOrder
from protocol.crypto.digest import sha256_hex
from protocol.documents.policy import Policy
from protocol.documents.strict import canonical
from sandbox.actions.examine import Examined, examine, verify
from sandbox.actions.node import Node
from sandbox.actions.terms import Evidence, Terms
from sandbox.actions.turns import check_line, examine_need, reserve
from sandbox.actions.watch_log import check_proved
from sandbox.actions.work import Pause, Work
from sandbox.domain.caps import caps_of
from sandbox.domain.job import JobState
from sandbox.domain.ledger import Caps, LedgerEntry, Scopes
from sandbox.domain.schedule import Schedule, make_schedule
from sandbox.domain.statistic import reading_milliseconds
from sandbox.errors import Refused
from sandbox.store import job, ledger, usage
from sandbox.store.base import Session
from sandbox.store.ledger_head import write_head
from sandbox.store.turns import NEED, wake_next

MEASUREMENT_CHARACTERS = 10_000  # as many as a receipt takes

POOL = "people"  # one pool of persons per node: the same people under a second dataset name get no fresh budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What one order is to be debited, to which accounts, under which caps."""

    order_id: str
    nonce: str
    scopes: Scopes
    caps: Caps
    rho_nano: int


def charge(work: Work) -> Pause | None:
    """Charge the job, or raise Refused and leave everything as it was."""
    node = work.node
    node.clock.check_not_behind()
    check_line(work)
    examined = examine(node, work.bundle, node.clock.now())
    need = examine_need(work, examined)
    with node.store.transaction() as session:
        now = node.clock.now()
        reserve(work, session, need, now)
        entry, left = _debit(work, session, examined, now)
        times = _schedule(work, session, examined, now)
        job.move(
            session,
            work.held,
            JobState.CHARGED,
            now,
            terms=_terms(work, examined, entry).to_json() | {NEED: asdict(need)},
            machine=node.machine,
            rho_charged_nano=entry.rho_nano,
            rho_left_nano=left,
            charged_at=now,
            start_at=times.start_at,
            slots_end_at=times.slots_end_at,
            release_at=times.release_at,
        )
        wake_next(session, node.limits, now)
    write_head(node.places.ledger_head, entry.head)
    return None


def _debit(work: Work, session: Session, examined: Examined, now: dt.datetime) -> tuple[LedgerEntry, int]:
    """Check again and debit; return the entry and what the narrowest account has left."""
    check_proved(work.node, session, work.row.id)
    due = check_due(work.node, session, work.bundle, examined, now)
    entry = ledger.charge(
        session,
        order_id=due.order_id,
        nonce=due.nonce,
        scopes=due.scopes,
        caps=due.caps,
        rho_nano=due.rho_nano,
        now=now,
    )
    return entry, ledger.left(session, due.scopes, due.caps)


def check_due(node: Node, session: Session, bundle: OrderBundle, examined: Examined, now: dt.datetime) -> Due:
    """Check again what may have changed since step 8, all but the ledger itself; say what is to be debited. Reads only.

    The charge and the preview come by here.
    """
    facts, policy = examined.offered.facts, node.trust.policy
    verified = verify(node, session, bundle, frozenset({facts.dataset}), now)
    _check_allowance(session, verified, policy, examined.price.rho_nano_total)
    scopes = Scopes(
        pool=POOL,
        lineage=facts.lineage,
        project=verified.order.project,
        algorithm=verified.algorithm_digest,
        job=verified.order_id,
    )
    return Due(
        order_id=verified.order_id,
        nonce=f"{verified.order.researcher}:{verified.order.nonce}",
        scopes=scopes,
        caps=caps_of(policy),
        rho_nano=examined.price.rho_nano_total,
    )


def _check_allowance(session: Session, verified: VerifiedOrder, policy: Policy, rho_nano: int) -> None:
    """Refuse what the approvals no longer allow at this node, and projects and algorithms that failed too often."""
    used = usage.of_approval(session, verified.algorithm_digest, verified.order.project)
    allowed = verified.conditions
    if used.runs >= allowed.runs_per_node:
        raise Refused("runs-exceeded", f"The approvals allow {allowed.runs_per_node} runs at this node; all are used.")
    if used.rho_nano + rho_nano > allowed.rho_total_per_node_nano:
        left = allowed.rho_total_per_node_nano - used.rho_nano
        raise Refused("approval-rho-exceeded", f"The approvals leave {left} nano-rho at this node; the job needs more.")
    if usage.failures_of_project(session, verified.order.project) > policy.project_failures:
        raise Refused("project-failures", "Too many jobs of this project failed here; ask the node's admin to look.")
    if usage.is_quarantined(session, verified.algorithm_digest):
        raise Refused("algorithm-quarantined", "A job of this algorithm failed here; the node's admin has to look.")


def _described(examined: Examined) -> str:
    """The measurement for the receipt; where there are too many outputs to describe, the digest of the description."""
    described = examined.price.measurement
    if len(described) <= MEASUREMENT_CHARACTERS:
        return described
    short = {"sha256": sha256_hex(described.encode()), "outputs": examined.plan.released}
    return canonical(short).decode()


def _schedule(work: Work, session: Session, examined: Examined, now: dt.datetime) -> Schedule:
    policy, plan = work.node.trust.policy, examined.plan
    slot = examined.verified.algorithm.slot_milliseconds or reading_milliseconds(plan.statistics, plan.people)
    return make_schedule(
        now,
        padded=policy.timing == "padded",
        chambers=plan.blocks or 1,
        lanes=policy.lanes,
        slot_milliseconds=slot,
        epoch_seconds=policy.epoch_seconds,
        reserved_until=usage.reserved_until(session, work.node.machine),
    )


def _terms(work: Work, examined: Examined, entry: LedgerEntry) -> Terms:
    verified, trust = examined.verified, work.node.trust
    return Terms(
        policy=trust.policy,
        facts=examined.offered.facts,
        evidence=Evidence(
            approvals=verified.approval_digests,
            rosters=verified.roster_digests,
            statuses=verified.status_digests,
            trust_root=trust.root_digest,
            policy=trust.policy_digest,
            snapshot=examined.offered.facts.snapshot,
            measurement=_described(examined),
            ledger_head=entry.digest,
        ),
        chambers=examined.plan.blocks,
    )
