"""Step 13 for votes and histograms: the answers are counted by trusted code, and noise is drawn once.

A bar's noise is known exactly. Its sampling error is that of a binomial count, computed from the noisy bar itself, so
it costs nothing more. A vote has no interval: what is claimed follows from public numbers, in words.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import ceil, hypot, log, sqrt

from protocol.documents.release import Bar, Cover, ReleasedCategory, ReleasedHistogram
from sandbox.domain.plan import GatePlan, OutputPlan
from sandbox.gate import intervals, wording
from sandbox.gate.categories import tally
from sandbox.gate.library import Column, Mechanism

FINENESS = 3  # bars keep this many decimal places below the noise


def release_output(
    plan: GatePlan, output: OutputPlan, mechanism: Mechanism, column: Column
) -> ReleasedCategory | ReleasedHistogram:
    """Release one output over categories: `column` holds the place of each chamber's answer in the list."""
    counts = tally(column, len(output.categories), plan.blocks)
    if output.aggregator == "vote":
        return _release_vote(plan, output, mechanism, counts)
    return _release_histogram(plan, output, mechanism, counts)


def lead_needed(scale: float, categories: int) -> int:
    """Give the least lead over every other category with which a category wins with a probability of NOISE_LEVEL.

    It wins with at least 1/(1 + (m - 1) exp(-lead / scale)): the mechanism's own probabilities, all others just behind.
    """
    level = float(intervals.NOISE_LEVEL)
    return ceil(scale * log((categories - 1) * level / (1 - level)))


def _release_vote(plan: GatePlan, output: OutputPlan, mechanism: Mechanism, counts: Column) -> ReleasedCategory:
    return ReleasedCategory(
        name=output.name,
        category=output.categories[mechanism.invoke(counts)],
        mechanism=mechanism.name,
        scale=Decimal(repr(mechanism.scale)),
        claim=wording.claim_of_vote(plan, lead_needed(mechanism.scale, len(output.categories))),
        rho_nano=mechanism.rho_nano,
    )


def _release_histogram(plan: GatePlan, output: OutputPlan, mechanism: Mechanism, counts: Column) -> ReleasedHistogram:
    unit = 1 / Decimal(output.divisor)
    deviation = Decimal(mechanism.scale) * unit
    places = Decimal(1).scaleb(deviation.adjusted() - FINENESS)
    noisy = mechanism.invoke_vector(counts)
    return ReleasedHistogram(
        name=output.name,
        bars=tuple(
            _bar(plan, mechanism.scale, category, count, unit, places)
            for category, count in zip(output.categories, noisy, strict=True)
        ),
        mechanism=mechanism.name,
        scale=deviation.quantize(places, ROUND_CEILING),
        noise=Cover(level=Decimal(intervals.NOISE_LEVEL), covers=wording.covers_noise_of_bar(plan, output)),
        total=Cover(level=Decimal(intervals.TOTAL_LEVEL), covers=wording.covers_total_of_bar(output)),
        rho_nano=mechanism.rho_nano,
    )


def _bar(plan: GatePlan, scale: float, category: str, noisy: int, unit: Decimal, places: Decimal) -> Bar:
    """Give one bar with both its intervals, rounded outward."""
    value = (noisy * unit).quantize(places)
    error = Decimal(hypot(scale, _sampling(noisy, plan.blocks))) * unit
    noise_half = intervals.gaussian_half(scale) * unit + places
    total_half = Decimal(intervals.Z_TOTAL) * error + places
    return Bar(
        category=category,
        value=value,
        noise_low=(value - noise_half).quantize(places, ROUND_FLOOR),
        noise_high=(value + noise_half).quantize(places, ROUND_CEILING),
        total_low=(value - total_half).quantize(places, ROUND_FLOOR),
        total_high=(value + total_half).quantize(places, ROUND_CEILING),
        standard_error=error.quantize(places, ROUND_CEILING),
    )


def _sampling(noisy: int, chambers: int) -> float:
    """Give the binomial deviation of a count; two are added on each side, so that an empty bar is not called certain.

    Agresti and Coull 1998.
    """
    share = (min(max(noisy, 0), chambers) + 2) / (chambers + 4)
    return sqrt(chambers * share * (1 - share))
