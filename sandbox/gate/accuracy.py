"""How far an answer will lie from the truth, before anybody has paid for it: the gate's own mechanisms and model.

Three errors, each a root mean square in the unit of the released value:

noise     the released value against what the chambers say together, without noise
added     against the answer of the same estimator on all people at once: what privacy costs
total     against the truth in the population: noise and the sampling of people

`added` counts, beside the noise, that a median of Normal values is not their mean: (pi/2 - 1) of the mean's variance.
The model is that of a release's intervals (`intervals`): Normal block values with the spread stated, inside the range.
Not covered: the bias of small blocks, clamping, and defaults of chambers that fail; a rehearsal measures these.
"""

from dataclasses import dataclass
from math import hypot, sqrt

from sandbox.domain.plan import GatePlan, OutputPlan
from sandbox.gate import intervals
from sandbox.gate.pricing import mechanism_of

_NUMBERS = ("median", "mean", "sum", "count")
_MEDIAN_AGAINST_MEAN = sqrt(intervals.MEDIAN_EFFICIENCY**2 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedError:
    """Expected errors of one output; `added` and `total` are None where the spec states no spread."""

    noise: float
    added: float | None
    total: float | None
    sampling: float | None

    @property
    def worth(self) -> float | None:
        """Which share of the people would give this total error without any noise."""
        return None if not self.sampling or not self.total else (self.sampling / self.total) ** 2


def expected_error(plan: GatePlan, output: OutputPlan) -> ExpectedError | None:
    """Give the expected errors of one planned output, by the very mechanism that would release it.

    None for what is no number: how often a vote or a histogram's bin is right depends on the data.
    """
    if output.aggregator not in _NUMBERS:
        return None
    spread = None if output.spread is None else float(output.spread)
    if output.aggregator == "median" and spread is not None:
        return _of_median(plan, output, spread)
    divisor = output.divisor * (plan.blocks if output.aggregator == "mean" else 1)
    noise = mechanism_of(plan, output).scale / 10**output.decimals / divisor
    if spread is None:
        return ExpectedError(noise=noise, added=None, total=None, sampling=None)
    sampling = spread * sqrt(plan.blocks) / divisor
    return ExpectedError(noise=noise, added=noise, total=hypot(noise, sampling), sampling=sampling)


def _of_median(plan: GatePlan, output: OutputPlan, spread: float) -> ExpectedError:
    span = float(output.high - output.low) / spread
    scale = mechanism_of(plan, output).scale
    noise = intervals.median_model(plan.blocks, scale, span, plan.candidates).noise_deviation * spread
    sampling = spread / sqrt(plan.blocks)
    return ExpectedError(
        noise=noise,
        added=hypot(noise, _MEDIAN_AGAINST_MEAN * sampling),
        total=hypot(noise, intervals.MEDIAN_EFFICIENCY * sampling),
        sampling=sampling,
    )
