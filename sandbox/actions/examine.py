"""Steps 1 to 8: whether an order may run, and exactly what it would run and cost.

Everything here is a function of the bundle's bytes, the trust root, the policy, public facts, what the node has seen
before, and the moment. No protected data is read, so a refusal tells nothing about any person.

1-6  `protocol.chain.verify_order`; the image's own bytes are checked beside it, in `fetch_image`
7    the Cedar policies, with the DUO codes answered
8    the gate's plan, the staging's plan, and the price to the nano
"""

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

from protocol.chain import OrderBundle, VerifiedOrder, verify_order
from protocol.documents.envelope import read_claim
from protocol.documents.job_order import JobOrder
from protocol.trust.duo import Answer, DuoRequest, codes_answered
from sandbox.actions.node import Node
from sandbox.actions.view import stage_plan
from sandbox.domain.dataset import DatasetFacts
from sandbox.domain.plan import GatePlan, make_gate_plan
from sandbox.domain.policy import PolicyRequest
from sandbox.errors import Held, Refused
from sandbox.gate import Price, price
from sandbox.store.base import Session
from sandbox.store.dataset import Offered, list_datasets, read_dataset
from sandbox.store.memory import newest_statuses, read_memory

# What may be put right without a new order: a fresh status comes, a roster's delay ends or the admin accepts it. The
# order waits for it while its window lasts, and is refused then.
PASSING = frozenset({"status-missing", "status-stale", "roster-delayed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """An order that passed steps 1 to 8."""

    verified: VerifiedOrder
    offered: Offered
    plan: GatePlan
    price: Price


def examine(node: Node, bundle: OrderBundle, now: dt.datetime) -> Examined:
    """Take an order through steps 1 to 8, or raise Refused with the code of the first that it does not pass."""
    with node.store.reading() as session:
        datasets = frozenset(one.facts.dataset for one in list_datasets(session))
        verified = verify(node, session, bundle, datasets, now)
        offered = read_dataset(session, verified.order.dataset)
    if offered is None:
        raise Refused("dataset-unknown", "This node no longer offers the dataset; see the catalogue.")
    gate_plan = make_gate_plan(verified.algorithm, verified.order, node.trust.policy, offered.facts)
    node.trust.book.check(policy_request(node, verified, offered.facts, gate_plan))
    check_view(node.places.datasets / offered.directory, verified, gate_plan)
    priced = price(gate_plan)
    if priced.rho_nano_total > verified.order.rho_nano:
        raise Refused("gate-map", "The release would cost more than the order allows; ask for a larger share.")
    return Examined(verified=verified, offered=offered, plan=gate_plan, price=priced)


def verify(
    node: Node, session: Session, bundle: OrderBundle, datasets: frozenset[str], now: dt.datetime
) -> VerifiedOrder:
    """Steps 1 to 6, with the newest statuses that this node knows beside those that came with the order.

    Raises Refused; or Held for what may pass by itself.
    """
    known = tuple(raw for raw in newest_statuses(session) if raw not in bundle.statuses)
    try:
        return verify_order(
            replace(bundle, statuses=(*bundle.statuses, *known)),
            trust_root=node.trust.root,
            node=node.name,
            datasets=datasets,
            now=now,
            memory=read_memory(session, now, dt.timedelta(hours=node.trust.root.roster_delay_hours)),
        )
    except Refused as refused:
        if refused.code in PASSING and now < read_claim(bundle.order, JobOrder).untrusted.not_after:
            raise Held(refused.code, refused.sentence) from refused
        raise


def policy_request(node: Node, verified: VerifiedOrder, facts: DatasetFacts, plan: GatePlan) -> PolicyRequest:
    """Step 7: say to Cedar what is asked, in the schema's words."""
    order, algorithm, person = verified.order, verified.algorithm, verified.accreditation
    duo = duo_request(verified)
    return PolicyRequest(
        researcher=person.subject,
        researcher_attributes={
            "person": person.subject,
            "institution": person.institution,
            "country": person.country,
            "roles": list(person.roles),
        },
        dataset=facts.dataset,
        dataset_attributes={
            "node": node.name,
            "country": facts.country,
            "assembly": facts.assembly,
            "unit": facts.unit.value,
            "people": facts.people,
        },
        context={
            "project": order.project,
            "purpose": order.purpose,
            "algorithm_purposes": list(algorithm.purpose),
            "algorithm_author": algorithm.author,
            "approvers": sorted({approval.member for approval in verified.approvals}),
            "mode": algorithm.mode,
            "timing": node.trust.policy.timing,
            "profile": node.trust.policy.profile,
            "chambers": plan.blocks,
            "outputs": plan.released,
            "slot_milliseconds": algorithm.slot_milliseconds,
            "job_milliseconds": algorithm.slot_milliseconds * -(-plan.blocks // node.trust.policy.lanes),
            "memory_bytes": algorithm.memory_bytes,
            "output_bytes": algorithm.output_bytes,
            "rho_nano": order.rho_nano,
            "duo_refused": list(codes_answered(facts.duo, duo, Answer.NO)),
            "duo_unanswered": list(codes_answered(facts.duo, duo, Answer.ASK)),
        },
    )


def duo_request(verified: VerifiedOrder) -> DuoRequest:
    """What the dataset's consent codes look at. Approvals always name persons and project: step 5 saw to it."""
    return DuoRequest(
        purpose=verified.order.purpose,
        reads_genotypes=verified.algorithm.inputs.variants,
        persons_named=all(approval.persons for approval in verified.approvals),
        project_named=all(approval.project == verified.order.project for approval in verified.approvals),
        terms_named=frozenset(verified.conditions.purposes),
    )


def check_view(directory: Path, verified: VerifiedOrder, plan: GatePlan) -> None:
    """Step 8: refuse a view, or a statistic, that the dataset's public facts do not offer."""
    from sandbox.data import stage, statistic

    if plan.mode == "statistic":
        statistic.check_request(directory, plan.statistics)
    else:
        stage.check_request(directory, stage_plan(verified.algorithm, verified.order, plan))
