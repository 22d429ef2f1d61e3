"""Should this node believe this order? Steps 1-6 of the node's fifteen (DESIGN 5).

1. Intake: every document within its size, parsed strictly, no more of them than may be.
2. The trust root is live and the clock is not behind.
3. The researcher is accredited, signed this order, and is not revoked by a live status.
4. The algorithm is the one that the order names, its accredited author signed it, and it is not revoked.
5. The approvals are those that the order names, and every committee of the dataset agrees.
6. The order is for this node, a dataset of it, this moment, and within specification and conditions.

All of it is a function of bytes, trust root, memory and clock. The image's own bytes, nonces, run counts and budgets
are the node's to check. The same steps explain a bundle offline (``explain.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from protocol.chain.bundle import OrderBundle
from protocol.crypto.keys import PublicKey
from protocol.documents import limits, parameters
from protocol.documents.accreditation import Accreditation
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval, Conditions
from protocol.documents.envelope import Claim, DocumentT, Envelope, read_claim
from protocol.documents.expansion import priced_names
from protocol.documents.job_order import JobOrder
from protocol.documents.passkey import ON_REGISTRY_PAGE
from protocol.documents.roster import Roster
from protocol.documents.status import Status
from protocol.documents.strict import malformed
from protocol.documents.trust_root import CommitteeRule, TrustRoot
from protocol.errors import Refused
from protocol.trust.conditions import check_bound, check_window, permitting, tightest
from protocol.trust.memory import Memory
from protocol.trust.offices import Accredited, Standing, check_valid, find_accredited, live_standing
from protocol.trust.quorum import Vote, agreed_conditions, check_roster, check_vote
from protocol.trust.root import check_live, required_committees

RESEARCHER = "researcher"
WITHOUT_BLOCKS = frozenset({"unit", "statistic"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedOrder:
    """An order that passed steps 1-6, with everything that made it pass. Digests are of payloads, in hexadecimal."""

    order: JobOrder
    order_id: str
    algorithm: Algorithm
    algorithm_digest: str
    approvals: tuple[Approval, ...]
    approval_digests: tuple[str, ...]
    roster_digests: tuple[str, ...]
    status_digests: tuple[str, ...]
    conditions: Conditions
    accreditation: Accreditation
    accreditation_digest: str
    author: Accreditation
    priced: tuple[str, ...]
    #: Who approved with a passkey on a page that the registry serves.
    registry_page_members: tuple[str, ...]


class OrderCase:
    """One order under examination. Each step reads what the earlier ones wrote; none may be skipped."""

    order: Claim[JobOrder]
    algorithm: Claim[Algorithm]
    approvals: tuple[Claim[Approval], ...]
    accreditations: tuple[Claim[Accreditation], ...]
    rosters: tuple[Claim[Roster], ...]
    statuses: tuple[Claim[Status], ...]
    researcher: Accredited
    author: Accredited
    standing: Standing
    used_rosters: tuple[str, ...]
    registry_page_members: tuple[str, ...]
    agreed: tuple[list[Conditions], ...]
    conditions: Conditions
    priced: tuple[str, ...]

    def __init__(
        self,
        bundle: OrderBundle,
        *,
        trust_root: TrustRoot,
        node: str,
        datasets: frozenset[str],
        now: datetime,
        memory: Memory,
    ) -> None:
        self.bundle = bundle
        self.root = trust_root
        self.node = node
        self.datasets = datasets
        self.now = now
        self.memory = memory


def verify_order(
    bundle: OrderBundle,
    *,
    trust_root: TrustRoot,
    node: str,
    datasets: frozenset[str],
    now: datetime,
    memory: Memory | None = None,
) -> VerifiedOrder:
    """The order, if all six steps pass; otherwise Refused with the code of the first thing that is wrong."""
    case = OrderCase(bundle, trust_root=trust_root, node=node, datasets=datasets, now=now, memory=memory or Memory())
    for step in STEPS:
        step(case)
    return verified(case)


def attribute_order(bundle: OrderBundle, *, trust_root: TrustRoot) -> tuple[JobOrder, str]:
    """The order and its id, if a key that some office of the root ever accredited to its researcher signed it.

    It says who asked, not that they may: a node answers a refused order with a receipt only if this returns. Bytes
    that no known key signed get a counter.
    """
    order = read_claim(bundle.order, JobOrder)
    accreditations = tuple(read_claim(raw, Accreditation) for raw in bundle.accreditations)
    researcher = find_accredited(accreditations, trust_root, order.untrusted.researcher, "person", order.envelope)
    _check_signature(order, researcher, "order-signature")
    return order.untrusted, order.digest


def check_intake(case: OrderCase) -> str:
    """Step 1."""
    bundle = case.bundle
    documents = (*bundle.approvals, *bundle.accreditations, *bundle.rosters, *bundle.statuses)
    if len(documents) > limits.BUNDLE_DOCUMENTS:
        raise malformed(f"the bundle holds more than {limits.BUNDLE_DOCUMENTS} documents")
    if not bundle.algorithm:
        raise Refused("algorithm-missing", "The algorithm that the order names is missing; fetch it from the registry.")
    case.order = read_claim(bundle.order, JobOrder)
    case.algorithm = read_claim(bundle.algorithm, Algorithm)
    case.approvals = tuple(read_claim(raw, Approval) for raw in bundle.approvals)
    case.accreditations = tuple(read_claim(raw, Accreditation) for raw in bundle.accreditations)
    case.rosters = tuple(read_claim(raw, Roster) for raw in bundle.rosters)
    case.statuses = tuple(read_claim(raw, Status) for raw in bundle.statuses)
    return f"{len(documents) + 2} documents read strictly."


def check_trust_root(case: OrderCase) -> str:
    """Step 2."""
    check_live(case.root, case.now, case.memory)
    return f"The trust root of {case.root.holder}, version {case.root.version}, is live."


def check_researcher(case: OrderCase) -> str:
    """Step 3."""
    claimed = case.order.untrusted
    case.researcher = _signer(case, claimed.researcher, case.order.envelope)
    keys = _check_signature(case.order, case.researcher, "order-signature")
    check_valid(case.researcher, RESEARCHER, case.now)
    case.author = _signer(case, case.algorithm.untrusted.author, case.algorithm.envelope)
    case.standing = live_standing(case.statuses, case.root, _relied_on(case), case.now, case.memory)
    case.standing.check_signer(claimed.researcher, keys)
    person = case.researcher.document
    return (
        f"{person.subject} of {person.institution} is accredited by {person.office} and signed the order. Nothing here"
        f" is revoked unless a later step says so, by the status of {case.standing.described}."
    )


def check_algorithm(case: OrderCase) -> str:
    """Step 4."""
    if case.algorithm.digest != case.order.untrusted.algorithm:
        raise Refused("algorithm-other", "The algorithm is not the one that the order names; fetch that one.")
    algorithm = case.algorithm.untrusted
    keys = _check_signature(case.algorithm, case.author, "algorithm-signature")
    check_valid(case.author, RESEARCHER, case.now)
    case.standing.check_signer(algorithm.author, keys)
    case.standing.check_algorithm(case.algorithm.digest)
    return f"{algorithm.name} {algorithm.version} is signed by its author {algorithm.author}."


def check_approvals(case: OrderCase) -> str:
    """Step 5. An order for elsewhere is said to be so here: its committees are not in this trust root."""
    _check_addressed(case)
    _check_named(case)
    for claim in case.approvals:
        check_bound(claim.untrusted, case.order.untrusted)
    rules = required_committees(case.root, case.order.untrusted.dataset)
    used: dict[str, Roster] = {}
    case.registry_page_members = ()
    case.agreed = tuple(_agreement(rule, case, used) for rule in rules)
    case.used_rosters, here = tuple(used), ", ".join(case.registry_page_members)
    agreed = f"{len(rules)} committee(s) agree: {', '.join(rule.committee for rule in rules)}."
    return f"{agreed} {ON_REGISTRY_PAGE.capitalize()}: {here}." if here else agreed


def check_request(case: OrderCase) -> str:
    """Step 6."""
    order, algorithm = case.order.untrusted, case.algorithm.untrusted
    check_window(order, case.now)
    if order.purpose not in algorithm.purpose:
        raise Refused("order-purpose", f"The algorithm does not serve {order.purpose}; order it for a stated purpose.")
    if (order.blocks == 0) != (algorithm.mode in WITHOUT_BLOCKS):
        sentence = "Modes unit and statistic take 0 blocks and every other mode at least 1; correct the order."
        raise Refused("order-blocks", sentence)
    parameters.check_parameters(algorithm.parameters, order.parameters)
    case.priced = priced_names(algorithm, order.parameters)
    if tuple(share.output for share in order.rho) != case.priced:
        sentence = "The order's shares of ρ are not one per output, in the specification's order; list them so."
        raise Refused("order-rho", sentence)
    case.conditions = tightest([permitting(agreed, order, case.now) for agreed in case.agreed])
    return f"The order is for {order.dataset} at {order.node}, within its window, specification and approvals."


STEPS: tuple[Callable[[OrderCase], str], ...] = (
    check_intake,
    check_trust_root,
    check_researcher,
    check_algorithm,
    check_approvals,
    check_request,
)


def verified(case: OrderCase) -> VerifiedOrder:
    """What the six steps found."""
    return VerifiedOrder(
        order=case.order.untrusted,
        order_id=case.order.digest,
        algorithm=case.algorithm.untrusted,
        algorithm_digest=case.algorithm.digest,
        approvals=tuple(claim.untrusted for claim in case.approvals),
        approval_digests=tuple(claim.digest for claim in case.approvals),
        roster_digests=case.used_rosters,
        status_digests=case.standing.digests,
        conditions=case.conditions,
        accreditation=case.researcher.document,
        accreditation_digest=case.researcher.digest,
        author=case.author.document,
        priced=case.priced,
        registry_page_members=case.registry_page_members,
    )


def _check_signature(claim: Claim[DocumentT], accredited: Accredited, code: str) -> tuple[PublicKey, ...]:
    """The accredited keys that signed; refuses with ``code`` if there is none."""
    who, what = accredited.document.subject, claim.untrusted.KIND
    try:
        return claim.envelope.check_signed(accredited.keys)
    except Refused as error:
        raise Refused(code, f"No accredited key of {who} signed this {what}; have {who} sign it.") from error


def _signer(case: OrderCase, person: str, signed: Envelope) -> Accredited:
    return find_accredited(case.accreditations, case.root, person, "person", signed, case.now)


def _relied_on(case: OrderCase) -> set[str]:
    rule = case.root.dataset(case.order.untrusted.dataset)
    committees = rule.committees if rule else ()
    return {case.researcher.document.office, case.author.document.office, *(rule.office for rule in committees)}


def _check_addressed(case: OrderCase) -> None:
    order = case.order.untrusted
    if order.node != case.node:
        raise Refused("order-wrong-node", f"The order is for {order.node}, this node is {case.node}; send it there.")
    if order.dataset not in case.datasets:
        raise Refused("dataset-unknown", f"This node has no dataset {order.dataset}; see the catalogue.")
    case.standing.check_node(case.node)


def _check_named(case: OrderCase) -> None:
    named, brought = set(case.order.untrusted.approvals), [claim.digest for claim in case.approvals]
    if named - set(brought):
        raise Refused("approval-missing", "An approval that the order names is missing; fetch it from the registry.")
    if set(brought) - named or len(set(brought)) != len(brought):
        raise Refused(
            "approval-unnamed", "An approval was brought twice, or one the order does not name; leave it out."
        )


def _agreement(rule: CommitteeRule, case: OrderCase, used: dict[str, Roster]) -> list[Conditions]:
    claims = [claim for claim in case.approvals if claim.untrusted.committee == rule.committee]
    rosters = [_roster(claim.untrusted, rule, case, used) for claim in claims]
    votes: list[Vote] = [
        check_vote(claim, roster, case.root, case.standing, case.now)
        for claim, roster in zip(claims, rosters, strict=True)
    ]
    case.registry_page_members += tuple(vote.member.person for vote in votes if vote.on_registry_page)
    return agreed_conditions(rule, rosters, votes, case.author.document, case.researcher.document)


def _roster(approval: Approval, rule: CommitteeRule, case: OrderCase, used: dict[str, Roster]) -> Roster:
    if approval.roster not in used:
        claim = next((claim for claim in case.rosters if claim.digest == approval.roster), None)
        if claim is None:
            raise Refused("roster-missing", f"The roster that {approval.member} signed under is missing; fetch it.")
        used[approval.roster] = check_roster(claim, case.root, rule, case.standing, case.now, case.memory)
    return used[approval.roster]
