"""Tabulate what an answer would be worth for several numbers of blocks, mechanisms and amounts of ρ.

Nothing is spent and no data is needed: everything follows from the spec, the public number of people and the holder's
limits. What a node would refuse is refused here by the same function, with the same code.

The spec states the spread of one block's value for blocks of some size; for other sizes it is taken to fall with the
square root of the number of people, as that of means, log odds ratios and most other estimates does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import sqrt
from typing import Any, Final

from protocol.documents.algorithm import Algorithm
from protocol.documents.expansion import expand_outputs
from protocol.documents.job_order import JobOrder
from protocol.documents.policy import Policy
from protocol.documents.strict import Json
from sandbox.actions.proposal import make_order
from sandbox.domain.dataset import DatasetFacts
from sandbox.domain.plan import GatePlan, OutputPlan, make_gate_plan
from sandbox.errors import Refused
from sandbox.gate.accuracy import ExpectedError, expected_error, expected_statistic, interval_half, safe_lead
from sandbox.gate.wording import is_wide

NANO: Final = 10**9
USUAL_BLOCKS: Final = 128  # policies/gate.md: the usual number
BLOCKS: Final = (16, 32, 64, 128, 256, 512, 1024)
SWAPPED: Final = ("median", "mean")  # what a block's number may be reduced by


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be tabulated. `spread_people`: for blocks of how many people the spec's spread holds.

    `interval_nano` is what each median's total interval is bought for, on top of ρ.
    """

    algorithm: Algorithm
    policy: Policy
    facts: DatasetFacts
    parameters: Mapping[str, Json]
    blocks: Sequence[int]
    rhos_nano: Sequence[int]
    spread_people: int
    interval_nano: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One output at one choice: its expected errors, or the refusal that a node would answer with.

    `resolution` is k times epsilon of one output (a median needs 64). `like` counts outputs that have the same row.
    `lead` is a vote's (`safe_lead`), `interval` half the width of a bought interval. A statistic has no blocks: 0.
    """

    output: str
    like: int
    aggregator: str
    rho_nano: int
    share_nano: int
    blocks: int
    block_people: int
    resolution: float
    expected: ExpectedError | None
    caution: bool
    refused: Refused | None
    lead: int | None = None
    interval: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The row for programs; errors with four significant digits."""
        found = self.expected
        return {
            "output": self.output,
            "outputs_alike": self.like,
            "aggregator": self.aggregator,
            "rho_nano": self.rho_nano,
            "share_nano": self.share_nano,
            "blocks": self.blocks,
            "block_people": self.block_people,
            "k_epsilon": _short(self.resolution),
            **{name: _short(getattr(found, name, None)) for name in ("noise", "added", "total", "worth", "missed")},
            "lead": self.lead,
            "interval": _short(self.interval),
            "caution": self.caution,
            "refused": self.refused and {"code": self.refused.code, "sentence": self.refused.sentence},
        }


def tabulate(question: Question) -> list[Row]:
    """Every row: for each ρ, number of blocks and mechanism, one for each kind of output or for each statistic."""
    if question.algorithm.mode == "statistic":
        return [row for rho_nano in question.rhos_nano for row in _statistic_rows(question, rho_nano)]
    choices = question.blocks if question.algorithm.mode == "block" else (0,)
    return [
        row
        for rho_nano in question.rhos_nano
        for algorithm in _alternatives(question.algorithm)
        for blocks in choices
        for row in _rows(question, algorithm, blocks, rho_nano)
    ]


def _statistic_rows(question: Question, rho_nano: int) -> Iterator[Row]:
    order = make_order(question.algorithm, question.parameters, 0, rho_nano)
    plan, refused = _plan(question, question.algorithm, order)
    common: dict[str, Any] = {"rho_nano": rho_nano, "blocks": 0, "block_people": question.facts.people}
    for place, spec in enumerate(question.algorithm.statistics):
        planned = plan.statistics[place] if plan else None
        yield Row(
            output=spec.name,
            like=1,
            aggregator=spec.kind,
            share_nano=order.rho[place].nano,
            resolution=0.0,
            expected=expected_statistic(plan, planned) if plan and planned else None,
            caution=False,
            refused=refused,
            **common,
        )


def _alternatives(algorithm: Algorithm) -> Iterator[Algorithm]:
    """The spec itself and, in block mode, the same with the other reduction of its numbers."""
    own = {spec.aggregator for spec in algorithm.outputs}
    if algorithm.mode != "block" or not own <= set(SWAPPED):
        yield algorithm
        return
    for aggregator in SWAPPED:
        outputs = tuple(spec.model_copy(update={"aggregator": aggregator}) for spec in algorithm.outputs)
        if aggregator in own or all(spec.spread is not None for spec in outputs):
            yield algorithm.model_copy(update={"outputs": outputs})


def _rows(question: Question, algorithm: Algorithm, blocks: int, rho_nano: int) -> Iterator[Row]:
    order = _bought(question, algorithm, make_order(algorithm, question.parameters, blocks, rho_nano))
    share_nano = order.rho[0].nano
    chambers = blocks or question.facts.slots
    common: dict[str, Any] = {
        "rho_nano": rho_nano,
        "share_nano": share_nano,
        "blocks": chambers,
        "block_people": question.facts.people // chambers,
        "resolution": chambers * sqrt(8 * share_nano / NANO),
    }
    plan, refused = _plan(question, algorithm, order)
    if plan is None:
        for name, like, aggregator in _named(algorithm, order):
            yield Row(
                output=name, like=like, aggregator=aggregator, expected=None, caution=False, refused=refused, **common
            )
        return
    for output, like in _kinds(_scaled(plan, question.spread_people)):
        yield Row(
            output=output.name,
            like=like,
            aggregator=output.aggregator,
            expected=expected_error(plan, output),
            caution=is_wide(plan, output),
            refused=refused,
            lead=safe_lead(plan, output),
            interval=interval_half(plan, output),
            **common,
        )


def _bought(question: Question, algorithm: Algorithm, order: JobOrder) -> JobOrder:
    """The order that buys an interval for each of its medians."""
    medians = {one.name for one in expand_outputs(algorithm, order.parameters) if one.spec.aggregator == "median"}
    rho = tuple(
        share.model_copy(update={"interval_nano": question.interval_nano}) if share.output in medians else share
        for share in order.rho
    )
    return order.model_copy(update={"rho": rho})


def _plan(question: Question, algorithm: Algorithm, order: JobOrder) -> tuple[GatePlan | None, Refused | None]:
    """The plan, or why there is none; a plan that only the holder's cap for one job forbids is given with its refusal.

    So a researcher sees what a larger share would buy before asking the holder for it.
    """
    try:
        return make_gate_plan(algorithm, order, question.policy, question.facts), None
    except Refused as refusal:
        if refusal.code != "budget-job":
            return None, refusal
        uncapped = question.policy.model_copy(update={"job_cap_nano": order.rho_nano})
        return make_gate_plan(algorithm, order, uncapped, question.facts), refusal


def _named(algorithm: Algorithm, order: JobOrder) -> Iterator[tuple[str, int, str]]:
    """For each output of the spec, the first of its released names, how many there are, and its aggregator."""
    expanded = expand_outputs(algorithm, order.parameters)
    for spec in algorithm.outputs:
        names = [output.name for output in expanded if output.spec is spec]
        yield names[0], len(names), spec.aggregator


def _scaled(plan: GatePlan, spread_people: int) -> list[OutputPlan]:
    """The outputs with the spread that blocks of this plan's size have."""
    if plan.mode != "block":
        return list(plan.outputs)
    factor = Decimal(sqrt(spread_people / (plan.people // plan.blocks)))
    return [replace(one, spread=one.spread and one.spread * factor) for one in plan.outputs]


def _kinds(outputs: Sequence[OutputPlan]) -> list[tuple[OutputPlan, int]]:
    """Outputs that differ only in their name are told once, with their number."""
    found: dict[OutputPlan, tuple[OutputPlan, int]] = {}
    for output in outputs:
        kind = replace(output, name="-")
        first, count = found.get(kind, (output, 0))
        found[kind] = first, count + 1
    return list(found.values())


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")
