"""Bought intervals: two more quantiles of the blocks, on either side of the median, each for half the share.

The blocks' values are a sample; their median is within their quantiles at 1/2 -+ z/(2 sqrt k) (order statistics, z for
95 %). Each quantile's own noise may move its rank by r with probability exp(-epsilon r / 2): it is taken
(2 / epsilon) ln 20 ranks further out. Both together err on the side of covering more often (measured: 97 to 99.9 % by
`benches/interval_coverage.py`). No spread and no Normal distribution is assumed, unlike for the interval that is free.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import ceil, log, sqrt

from protocol.documents.release import Interval
from sandbox.domain.plan import GatePlan, OutputPlan
from sandbox.gate import intervals, library, wording
from sandbox.gate.library import QUANTILE_PARTS, Column, Mechanism

RANKS = log(20)  # in units of 2/epsilon: each end's noise is overlooked with a probability of 1/40


def mechanisms_of(plan: GatePlan, output: OutputPlan) -> tuple[Mechanism, ...]:
    """Give the two mechanisms of a bought interval, lower and upper; none where none was bought."""
    if not output.interval_nano:
        return ()
    low, high = output.fixed(output.low), output.fixed(output.high)
    shares = output.interval_nano // 2, output.interval_nano - output.interval_nano // 2
    away = parts_away(plan.blocks, shares[0])
    parts = QUANTILE_PARTS // 2 - away, QUANTILE_PARTS // 2 + away
    return tuple(
        library.quantile(low, high, plan.candidates, plan.blocks, part, share)
        for part, share in zip(parts, shares, strict=True)
    )


def parts_away(blocks: int, share_nano: int) -> int:
    """Say how far from one half each quantile is taken, in 1024th parts, rounded up."""
    epsilon = sqrt(8 * share_nano / library.NANO)
    return ceil(QUANTILE_PARTS * (intervals.Z_TOTAL / (2 * sqrt(blocks)) + 2 / epsilon * RANKS / blocks))


def interval(
    plan: GatePlan, output: OutputPlan, mechanisms: tuple[Mechanism, ...], column: Column, value: Decimal
) -> Interval:
    """Draw both ends, once; widen them by one step of the grid, and to the released value if it lies outside."""
    ends = sorted(Decimal(mechanism.invoke(column)).scaleb(-output.decimals) for mechanism in mechanisms)
    places = Decimal(1).scaleb(-output.decimals)
    step = (output.high - output.low) / (plan.candidates - 1) + places
    return Interval(
        low=min(value, max(output.low, ends[0] - step)).quantize(places, ROUND_FLOOR),
        high=max(value, min(output.high, ends[1] + step)).quantize(places, ROUND_CEILING),
        level=Decimal(intervals.TOTAL_LEVEL),
        covers=wording.covers_bought_interval(output),
    )
