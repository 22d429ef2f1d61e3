"""What a release says about itself in plain words: what an interval covers, and what the whole claim rests on."""

from decimal import Decimal

from sandbox.domain.plan import GatePlan, OutputPlan
from sandbox.domain.plan_checks import MEDIAN_CAUTION, NANO
from sandbox.gate import wording_statistic
from sandbox.gate.intervals import NOISE_LEVEL

WIDE_RANGE = 1000  # in units of the expected spread


def covers_noise_of_sum(plan: GatePlan, output: OutputPlan) -> str:
    """Say what the noise interval of a sum, count or mean covers."""
    what = {"mean": "mean", "sum": "sum", "count": "count"}[output.aggregator]
    return (
        f"the {what} of the {plan.blocks} chambers' values after clamping and defaults, without noise{_over(output)}; "
        "exact for the discrete Gaussian noise, without any assumption about the data; does not cover sampling"
    )


def covers_total_of_sum(output: OutputPlan) -> str:
    """Say what the total interval of a sum, count or mean covers."""
    return (
        f"the expected value over samples of people, if chambers' values are independent with the stated spread "
        f"{output.spread}; noise and sampling together; does not cover bias, clamping or the rounding of N"
    )


def covers_noise_of_median() -> str:
    """Say what the noise interval of a median covers."""
    return (
        "the median of the blocks' values without noise, if block values are Normal with the spread stated in the spec "
        "and lie inside the range; computed from public numbers only; does not cover sampling"
    )


def covers_total_of_median() -> str:
    """Say what the total interval of a median covers."""
    return (
        "the centre of the distribution of block values, if they are Normal with the spread stated in the spec and lie "
        "inside the range; noise and sampling together; does not cover the bias that small blocks give an estimator"
    )


def covers_bought_interval(output: OutputPlan) -> str:
    """Say what a bought interval covers."""
    return (
        "the median of the distribution of block values, whatever its shape, if blocks are independent and their "
        "values lie inside the range with no wide gap around the median; noise and sampling together, made to cover "
        f"more often rather than less; bought for {output.interval_nano} nano-rho: two more quantiles of the blocks; "
        "does not cover the bias that small blocks give an estimator"
    )


def claim_of_vote(plan: GatePlan, lead: int) -> str:
    """Say how far the winner of a vote may be trusted."""
    return (
        f"a category that leads every other by at least {lead} of the {plan.blocks} blocks' votes, defaults included, "
        f"is released with a probability of at least {NOISE_LEVEL}; of categories that lie closer together, the lesser "
        "may be released; exact for the noise, without any assumption about the data; says nothing about how clear the "
        "vote was, and does not cover sampling"
    )


def covers_noise_of_bar(plan: GatePlan, output: OutputPlan) -> str:
    """Say what the noise interval of each bar covers."""
    default = output.categories[int(output.default)]
    return (
        f"each bar by itself: the number of the {plan.blocks} slots that name the category, without noise"
        f"{_over(output)}; slots without a unit, and chambers that failed, count as {default!r}; exact for the "
        "discrete Gaussian noise, without any assumption about the data; does not cover sampling"
    )


def covers_total_of_bar(output: OutputPlan) -> str:
    """Say what the total interval of each bar covers."""
    return (
        f"each bar by itself: the expected number of slots over samples of people{_over(output)}, if slots are "
        "independent; noise and sampling together, by the Normal approximation; does not cover the rounding of N"
    )


def _over(output: OutputPlan) -> str:
    return "" if output.divisor == 1 else f", divided by {output.divisor} as the released value is"


def assumptions(plan: GatePlan, *, timing: str, profile: str) -> tuple[str, ...]:
    """List what the guarantee and the intervals of a release rest on; the dataset adds its own sentences."""
    if plan.mode == "statistic":
        return (*_guarantee(plan), *wording_statistic.assumptions(plan, timing=timing))
    return (*_guarantee(plan), *_surroundings(timing, profile), *_numbers(plan))


def _guarantee(plan: GatePlan) -> tuple[str, ...]:
    neighbours = (
        f"Protected is the entire history of one {plan.unit}: two datasets are neighbours if that of one is replaced "
        f"arbitrarily or blanked.{' The number of chambers is public.' if plan.blocks else ''}"
    )
    members = (
        f"A family counts at most {plan.maximum_family_size} members; further members are left out by keyed hash."
        if plan.unit == "family"
        else "Relatives are protected one by one, not together: the privacy unit of this dataset is the person."
    )
    adding = (
        "What is spent adds up over all releases of this dataset's lineage, and over nodes and lineages unless their "
        "people are documented to be different ones."
    )
    return neighbours, members, adding


def _surroundings(timing: str, profile: str) -> tuple[str, ...]:
    isolation = (
        "Each chamber saw its own block and public constants only, and nothing but this release left: this holds if "
        "the node's software and the isolation of its chambers work."
    )
    clock = {
        "padded": "Chambers started and the release left at times fixed before the run.",
        "immediate": "The claim is conditional on no timing channel: chambers started and ended as fast as they could.",
    }[timing]
    kernel = {
        "standard": "The claim is given no kernel-state channel between chambers (profile standard).",
        "strict": "Known kernel-state channels between chambers are closed (profile strict).",
    }[profile]
    return isolation, clock, kernel


def _numbers(plan: GatePlan) -> tuple[str, ...]:
    defaults = (
        "A chamber that was late, failed or gave anything but the declared numbers counts with the declared default; "
        "how many did is not known to anyone outside."
    )
    people = (
        f"N = {plan.people} is the holder's rounded number of people; values divided by it carry that rounding, which "
        "no interval covers."
    )
    warnings = tuple(_wide(plan, output) for output in plan.outputs if is_wide(plan, output))
    return defaults, people, *warnings


def is_wide(plan: GatePlan, output: OutputPlan) -> bool:
    """Tell whether a median's range is above 1000 spreads while k x epsilon is below 96: it may then miss entirely."""
    if output.aggregator != "median" or output.spread is None:
        return False
    weak = 8 * output.rho_nano * plan.blocks**2 < MEDIAN_CAUTION * NANO
    return weak and (output.high - output.low) > Decimal(WIDE_RANGE) * output.spread


def _wide(plan: GatePlan, output: OutputPlan) -> str:
    return (
        f"Warning: the range of {output.name!r} is more than {WIDE_RANGE} times the expected spread and k x epsilon is "
        f"below 96 over {plan.blocks} blocks: about once in 1000 times the value lies anywhere in the range."
    )
