"""What a release of statistics says about itself in plain words."""

from protocol.documents.statistic import (
    CountStatistic,
    FrequenciesStatistic,
    GenotypeTableStatistic,
    HistogramStatistic,
    MeanStatistic,
    SumStatistic,
)
from sandbox.domain.plan import GatePlan
from sandbox.domain.statistic import StatisticPlan

EXACT = "exact for the discrete Gaussian noise, without any assumption about the data; does not cover sampling"
UNRELATED = "if people are drawn independently; families make it wider than stated"


def covers_noise(plan: StatisticPlan) -> str:
    """Say what the noise interval of a number, or of each bar, covers."""
    what = f"{_measured(plan)}, as clipped for each unit, without noise"
    return f"{what}{_over(plan)}; {EXACT}"


def covers_total(plan: StatisticPlan) -> str:
    """Say what the total interval of a number, or of each bar, covers."""
    spec = plan.spec
    how = (
        f"with the stated spread {spec.spread} of one person's contribution"
        if isinstance(spec, SumStatistic | MeanStatistic)
        else "as a binomial count"
    )
    return (
        f"what is expected over samples of people{_over(plan)}, {how}, {UNRELATED}; noise and sampling together; does "
        "not cover clipping, missing values or the rounding of N"
    )


def covers_noise_of_odds_ratio() -> str:
    """Say what the noise interval of a log odds ratio covers."""
    return (
        "the log odds ratio of the table without noise, 0.5 added to each of its four allele counts; computed by "
        "drawing the known noise around the released cells, which negative counts and small cells make approximate; "
        "does not cover sampling"
    )


def covers_total_of_odds_ratio() -> str:
    """Say what the total interval of a log odds ratio covers."""
    return (
        "the log odds ratio in the population that cases and controls are a sample of, by the large-sample variance of "
        f"its four allele counts, {UNRELATED} and genotypes are in Hardy-Weinberg proportions; noise and sampling "
        "together; does not adjust for anything"
    )


def _measured(plan: StatisticPlan) -> str:
    match plan.spec:
        case CountStatistic():
            return "the number of people"
        case SumStatistic():
            return "the sum"
        case MeanStatistic():
            return "the mean around the middle of its range"
        case HistogramStatistic():
            return "each bar by itself: the number of people"
        case FrequenciesStatistic():
            return "the number of ALT alleles"
        case GenotypeTableStatistic():
            return "each cell by itself: the number of people"


def _over(plan: StatisticPlan) -> str:
    return "" if plan.divisor == 1 else f", divided by {plan.divisor} as the released value is"


def assumptions(plan: GatePlan, *, timing: str) -> tuple[str, ...]:
    """List what a release of statistics rests on beside the privacy unit."""
    ran = (
        "The node's own code measured what the signed specification declares; no foreign code ran, and nothing but "
        "this release left: this holds if the node's software works."
    )
    clock = {
        "padded": "The release left at a time fixed before the data was read.",
        "immediate": "The claim is conditional on no timing channel: the release left as soon as it was ready.",
    }[timing]
    missing = (
        "Whoever has no value or no genotype contributes nothing: absent is not reference. A frequency or share is "
        "therefore too low by the share of what is missing; selections act within a unit."
    )
    people = (
        f"N = {plan.people} is the holder's rounded number of people; values divided by it carry that rounding, which "
        "no interval covers."
    )
    return ran, clock, missing, people, *_of_statistics(plan)


def _of_statistics(plan: GatePlan) -> tuple[str, ...]:
    said = []
    fewer = [one for one in plan.statistics if one.members < plan.maximum_family_size]
    if fewer:
        least = min(one.members for one in fewer)
        said.append(f"Some statistics count fewer members of a family than that, down to {least}, by keyed hash.")
    if any(isinstance(one.spec, MeanStatistic) for one in plan.statistics):
        said.append("A mean is over the public N: whoever has no value, or is not selected, counts as the middle.")
    if any(one.clip.length is not None for one in plan.statistics):
        said.append("Allele counts of units with more than the signed bound together are scaled down to it.")
    if any(isinstance(one.spec, GenotypeTableStatistic) for one in plan.statistics):
        said.append("An odds ratio compares alleles of cases and controls as they are: it adjusts for nothing.")
    return tuple(said)
