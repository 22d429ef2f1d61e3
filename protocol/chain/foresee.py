"""Which refusals of an order can be foreseen from outside its node: from approvals, specification and catalogue.

What cannot be seen from here is listed in `UNSEEN`. Nothing here lets an order pass: the node judges each one itself.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from protocol.chain.order import WITHOUT_BLOCKS
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.expansion import expand_outputs
from protocol.documents.job_order import OrderDraft
from protocol.errors import Refused
from protocol.trust.conditions import check_bound, permitting
from protocol.trust.duo import PURPOSES, Answer, DuoRequest, answer_code, say_why

#: A median of k blocks at ρ needs k·ε >= 64 with ε² = 8ρ (docs/adr, decision on mechanisms); in integers, per output.
MEDIAN_RULE: Final = 64**2 * 10**9
PEOPLE_PER_PARAMETER: Final = 20
UNSEEN: Final = (
    "what other projects spent of the node's caps",
    "the node's policies beyond the consent codes that it tells",
    "whether the approvals are a quorum by the node's trust root",
    "how many runs the approvals have left there",
)


class Foreseen(NamedTuple):
    """A refusal that a node would answer with: its code there, and a sentence that says what to do next."""

    code: str
    sentence: str


def foresee(
    draft: OrderDraft,
    algorithm: Algorithm,
    approvals: Sequence[Approval],
    entry: CatalogueEntry | None,
    now: datetime,
) -> Iterator[Foreseen]:
    """Every refusal that can be foreseen. ``entry`` is what the node says of the dataset; None if it does not offer it.

    The parameters must have passed ``parameters.check_parameters`` first.
    """
    yield from _approvals(draft, approvals, now)
    if draft.purpose not in algorithm.purpose:
        yield Foreseen("order-purpose", f"The algorithm does not serve {draft.purpose}; choose one of its purposes.")
    if entry is None:
        yield Foreseen("dataset-unknown", f"{draft.node} does not offer {draft.dataset}; see `node list`.")
    elif not entry.offers(algorithm.inputs.columns):
        yield Foreseen("column-unknown", f"{draft.dataset} lacks a column that the algorithm reads; choose another.")
    if entry is not None:
        yield from _consent(draft, algorithm, approvals, entry)
    if (draft.blocks == 0) != (algorithm.mode in WITHOUT_BLOCKS):
        yield Foreseen("order-blocks", "Modes unit and statistic take 0 blocks, every other mode at least 1.")
    elif algorithm.mode == "block":
        yield from _blocks(draft, algorithm, entry)


def _approvals(draft: OrderDraft, approvals: Sequence[Approval], now: datetime) -> Iterator[Foreseen]:
    try:
        for approval in approvals:
            check_bound(approval, draft)
        permitting([approval.conditions for approval in approvals], draft, now)
    except Refused as refused:
        yield Foreseen(refused.code, refused.sentence)


def _consent(
    draft: OrderDraft, algorithm: Algorithm, approvals: Sequence[Approval], entry: CatalogueEntry
) -> Iterator[Foreseen]:
    """What the consent codes that the node tells say no to, by the rule of every node; untold codes are not judged."""
    if draft.purpose not in PURPOSES:
        yield Foreseen(
            "policy-denied", f"Nodes run nothing for {draft.purpose}; choose {' or '.join(sorted(PURPOSES))}."
        )
        return
    request = DuoRequest(
        purpose=draft.purpose,
        reads_genotypes=algorithm.inputs.variants,
        persons_named=all(approval.persons for approval in approvals),
        project_named=all(approval.project == draft.project for approval in approvals),
        terms_named=frozenset.intersection(*(frozenset(one.conditions.purposes) for one in approvals)),
    )
    for code in entry.duo:
        if answer_code(code, request) is not Answer.YES:
            yield Foreseen("policy-denied", f"The consent for {entry.dataset} forbids it. {say_why(code, request)}")


def _blocks(draft: OrderDraft, algorithm: Algorithm, entry: CatalogueEntry | None) -> Iterator[Foreseen]:
    outputs = expand_outputs(algorithm, draft.parameters)
    shares = {share.output: share.nano for share in draft.rho}
    medians = [one for one in outputs if one.spec.aggregator == "median"]
    if any(8 * shares[one.name] * draft.blocks**2 < MEDIAN_RULE for one in medians):
        sentence = "A median needs k x epsilon >= 64: order more blocks, or give its output more rho."
        yield Foreseen("gate-median-resolution", sentence)
    smallest = PEOPLE_PER_PARAMETER * algorithm.model_parameters
    if entry and entry.people // draft.blocks < smallest:
        yield Foreseen("gate-blocks-too-small", f"A block needs at least {smallest} people: order fewer blocks.")
