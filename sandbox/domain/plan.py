"""The plan of a job: pure data that says what will run and what may leave, made from public facts only.

`make_gate_plan` is step 8 of the node's fifteen. It reads the signed spec, the signed order, the signed policy and
the public facts of the dataset, and nothing else: a refusal here tells nothing about any person.

Numbers. Values travel through the gate as fixed-point integers in units of 10^-`decimals`: integer sums have exactly
the sensitivity that they declare, float sums do not. Amounts of rho are integers in nano.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from protocol.documents.algorithm import Algorithm, OutputSpec
from protocol.documents.expansion import expand_outputs
from protocol.documents.job_order import JobOrder, RhoShare
from protocol.documents.policy import Policy
from sandbox.domain import plan_checks as checks
from sandbox.domain.dataset import DatasetFacts, Unit
from sandbox.domain.plan_checks import Aggregator, Mode
from sandbox.domain.statistic import StatisticPlan, plan_statistics

STEPS_EXPONENT = 6  # a number's range is divided into at least 10^6 fixed-point steps


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPlan:
    """One output that may leave: its bounds, its default, its share of rho, and what it is divided by afterwards.

    `low`, `high` and `default` are for one chamber, with the family size already applied. `whole` outputs accept
    whole numbers only. `spread` is the expected standard deviation of one chamber's value, from the spec. Where there
    are `categories`, the number of a chamber is the place of its category in the list. `interval_nano` is what a total
    interval is bought for, on top of `rho_nano`; 0 buys none.
    """

    name: str
    aggregator: Aggregator
    low: Decimal
    high: Decimal
    default: Decimal
    decimals: int
    whole: bool
    spread: Decimal | None
    rho_nano: int
    divisor: int
    categories: tuple[str, ...] = ()
    interval_nano: int = 0

    def fixed(self, value: Decimal) -> int:
        """Give `value` in units of 10^-decimals, rounded to the nearest."""
        return int(value.scaleb(self.decimals).to_integral_value())


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePlan:
    """Everything the gate needs: `blocks` is the number of chambers (k, or the public slots in `unit` mode).

    In `statistic` mode there are `statistics` and no chambers, in the others `outputs`.
    """

    mode: Mode
    unit: Unit
    blocks: int
    people: int
    outputs: tuple[OutputPlan, ...]
    delta: Decimal
    candidates: int
    maximum_family_size: int
    output_bytes: int
    statistics: tuple[StatisticPlan, ...] = ()

    @property
    def rho_nano(self) -> int:
        """The whole of what the order asks for."""
        outputs = sum(output.rho_nano + output.interval_nano for output in self.outputs)
        return outputs + sum(one.rho_nano for one in self.statistics)

    @property
    def released(self) -> int:
        """How many outputs a release will carry."""
        return len(self.outputs) + sum(len(one.names) for one in self.statistics)


def make_gate_plan(algorithm: Algorithm, order: JobOrder, policy: Policy, facts: DatasetFacts) -> GatePlan:
    """Plan the release of one order, or refuse it with a code of its own (the list is in `plan_checks`)."""
    mode = checks.check_mode(algorithm.mode)
    checks.check_family_size(facts, policy)
    checks.check_delta(policy.delta, facts.people)
    checks.check_candidates(policy.candidates)
    plan = GatePlan(
        mode=mode,
        unit=facts.unit,
        blocks=checks.check_blocks(algorithm, order.blocks, policy, facts),
        people=facts.people,
        outputs=() if mode == "statistic" else tuple(_plan_outputs(mode, algorithm, order, facts)),
        statistics=plan_statistics(algorithm, order, facts) if mode == "statistic" else (),
        delta=policy.delta,
        candidates=policy.candidates,
        maximum_family_size=facts.maximum_family_size,
        output_bytes=algorithm.output_bytes,
    )
    _check_whole_plan(plan, policy)
    return plan


def _check_whole_plan(plan: GatePlan, policy: Policy) -> None:
    for output in plan.outputs:
        checks.check_width(output.name, output.fixed(output.low), output.fixed(output.high), plan.blocks)
        if output.interval_nano:
            checks.check_interval(output.name, output.aggregator, output.interval_nano, plan.blocks)
        if output.aggregator == "vote":
            checks.check_vote(output.name, output.rho_nano, plan.blocks, len(output.categories))
    checks.check_medians([o.rho_nano for o in plan.outputs if o.aggregator == "median"], plan.blocks)
    checks.check_job_cap(plan.rho_nano, policy)


def _plan_outputs(mode: Mode, algorithm: Algorithm, order: JobOrder, facts: DatasetFacts) -> Iterator[OutputPlan]:
    expanded = expand_outputs(algorithm, order.parameters)
    checks.check_names([output.name for output in expanded], [share.output for share in order.rho])
    shares = {share.output: share for share in order.rho}
    for output in expanded:
        yield _plan_output(mode, output.name, output.spec, shares[output.name], facts)


def _plan_output(mode: Mode, name: str, spec: OutputSpec, share: RhoShare, facts: DatasetFacts) -> OutputPlan:
    aggregator = checks.check_aggregator(mode, spec)
    checks.check_share(name, share.nano)
    if aggregator == "median":
        checks.check_spread(name, spec.spread)
    low, high, default = _bounds(mode, name, spec, facts.maximum_family_size)
    return OutputPlan(
        name=name,
        aggregator=aggregator,
        low=low,
        high=high,
        default=default,
        decimals=_decimals(low, high, default, exact=spec.kind == "category" or (mode, spec.kind) == ("unit", "count")),
        whole=spec.kind != "number",
        spread=spec.spread,
        rho_nano=share.nano,
        interval_nano=share.interval_nano,
        divisor={"none": 1, "people": facts.people, "alleles": 2 * facts.people}[spec.divide_by],
        categories=spec.categories,
    )


def _bounds(mode: Mode, name: str, spec: OutputSpec, family: int) -> tuple[Decimal, Decimal, Decimal]:
    """Give low, high and default of one chamber: places in the list of categories, or the range of a number.

    A range per person is widened to the largest family.
    """
    if spec.kind == "category":
        checks.check_categories(name, spec.categories, spec.default_category)
        places = (0, len(spec.categories) - 1, spec.categories.index(str(spec.default_category)))
        return Decimal(places[0]), Decimal(places[1]), Decimal(places[2])
    low, high, default = spec.bounds
    if spec.range_per == "person":
        checks.check_per_person(mode, name)
        low, high = min(low, low * family), max(high, high * family)
    checks.check_range(name, low, high, default)
    if spec.kind == "count":
        checks.check_whole(name, low, high, default)
    return low, high, default


def _decimals(low: Decimal, high: Decimal, default: Decimal, *, exact: bool) -> int:
    """Choose the fixed point: summed counts stay whole, the rest gets at least a million steps over its range."""
    if exact:
        return 0
    needed = max(checks.decimals_of(number) for number in (low, high, default))
    return max(needed, STEPS_EXPONENT - (high - low).adjusted(), 0)
