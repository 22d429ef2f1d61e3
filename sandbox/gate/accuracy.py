"""How far an answer will lie from the truth, before anybody has paid for it: the gate's own mechanisms and model.

Three errors, each a root mean square in the unit of the released value:

noise     the released value against what the chambers say together, without noise
added     against the answer of the same estimator on all people at once: what privacy costs
total     against the truth in the population: noise and the sampling of people

A median may miss altogether, by more than the spread of a block; that is rare where a node allows it at all, and would
hide what the error usually is. So its errors are those of answers that do not miss, and `missed` says how many do.

A vote has no error but a lead: by how many chambers a category must be ahead to be named as good as surely.

The model is that of a release's intervals (`intervals`): Normal block values with the spread stated, inside the range.
The mean of Normal values is independent of how the rest lies around it (Basu 1955), so total^2 = added^2 + sampling^2.
Not covered: the bias of small blocks, clamping, and defaults of chambers that fail; a rehearsal measures these.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import hypot, pi, sqrt
from statistics import NormalDist

import numpy as np

from protocol.documents.statistic import MeanStatistic, SumStatistic
from sandbox.domain.plan import GatePlan, OutputPlan
from sandbox.domain.statistic import StatisticPlan
from sandbox.gate import bought, statistic
from sandbox.gate.library import QUANTILE_PARTS
from sandbox.gate.pricing import mechanism_of
from sandbox.gate.releasing_categories import lead_needed

SAMPLES = 128  # of block values; the mechanism's own probabilities are exact for each
SEED = 2  # the model is a numerical integral: the same plan must give the same answer
MEDIAN_AGAINST_MEAN = pi / 2 - 1  # times the variance of a mean: that of the median of Normal values around it


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedError:
    """Expected errors of one output; `added` and `total` are None where the spec states no spread."""

    noise: float
    added: float | None
    total: float | None
    sampling: float | None
    missed: float = 0.0

    @property
    def worth(self) -> float | None:
        """Which share of the people would give this total error without any noise."""
        return None if not self.sampling or not self.total else (self.sampling / self.total) ** 2


def expected_error(plan: GatePlan, output: OutputPlan) -> ExpectedError | None:
    """Give the expected errors of one planned output, by the very mechanism that would release it.

    None for a vote: how often it is right depends on the data (`safe_lead`). A histogram's are those of each bar.
    """
    if output.aggregator == "vote":
        return None
    spread = None if output.spread is None else float(output.spread)
    scale = mechanism_of(plan, output).scale
    if output.aggregator == "median" and spread is not None:
        span = float(output.high - output.low) / spread
        noise, added, missed = _median_errors(plan.blocks, scale, span, plan.candidates)
        return _expected(noise * spread, added * spread, spread / sqrt(plan.blocks), missed)
    divisor = output.divisor * (plan.blocks if output.aggregator == "mean" else 1)
    noise = scale / 10**output.decimals / divisor
    if spread is None:
        return ExpectedError(noise=noise, added=None, total=None, sampling=None)
    return _expected(noise, noise, spread * sqrt(plan.blocks) / divisor, 0.0)


def safe_lead(plan: GatePlan, output: OutputPlan) -> int | None:
    """Give the lead, in chambers, with which a vote names the right category in 999 of 1000 releases.

    None for what is no vote.
    """
    if output.aggregator != "vote":
        return None
    return lead_needed(mechanism_of(plan, output).scale, len(output.categories))


def interval_half(plan: GatePlan, output: OutputPlan) -> float | None:
    """Give half the width that a bought interval has about, for Normal block values; None where none is bought.

    Each end is a quantile of the blocks, so many parts from the middle, and is widened by a step of the grid.
    """
    if not output.interval_nano or output.spread is None:
        return None
    away = bought.parts_away(plan.blocks, output.interval_nano // 2)
    step = (output.high - output.low) / (plan.candidates - 1)
    return float(output.spread) * NormalDist().inv_cdf(0.5 + away / QUANTILE_PARTS) + float(step)


def expected_statistic(plan: GatePlan, planned: StatisticPlan) -> ExpectedError:
    """Give the expected errors of one number of a statistic; of a table, those of one of its cells.

    The sampling of a sum or mean is known where its spread is stated; that of counts depends on what is counted.
    """
    unit = 10.0**-planned.clip.decimals / planned.divisor
    noise = statistic.mechanism_of(planned).scale * unit
    if not isinstance(planned.spec, SumStatistic | MeanStatistic) or planned.spec.spread is None:
        return ExpectedError(noise=noise, added=None, total=None, sampling=None)
    return _expected(noise, noise, float(planned.spec.spread) * sqrt(plan.people) / planned.divisor, 0.0)


def _expected(noise: float, added: float, sampling: float, missed: float) -> ExpectedError:
    return ExpectedError(noise=noise, added=added, total=hypot(added, sampling), sampling=sampling, missed=missed)


@lru_cache(maxsize=256)
def _median_errors(blocks: int, scale: float, span: float, candidates: int) -> tuple[float, float, float]:
    """Integrate the exponential mechanism over Normal block values: noise and added error in spreads, share missed."""
    generator = np.random.default_rng(SEED)
    values = np.sort(generator.standard_normal((SAMPLES, blocks)), axis=1)
    shifts = generator.uniform(-0.5, 0.5, SAMPLES) * span / (candidates - 1)
    places = np.linspace(-span / 2, span / 2, candidates)[None, :] + shifts[:, None]
    distance = np.abs(2 * np.stack([np.searchsorted(v, p) for v, p in zip(values, places, strict=True)]) - blocks)
    weights = np.exp(-(distance - distance.min(axis=1, keepdims=True)) / (2 * scale))
    weights /= weights.sum(axis=1, keepdims=True)
    middle, mean = np.median(values, axis=1)[:, None], values.mean(axis=1)[:, None]
    hit = weights * (np.abs(places - middle) <= 1)
    share = float(hit.sum()) / SAMPLES
    noise, added = (float((hit * (places - centre) ** 2).sum()) / SAMPLES / share for centre in (middle, mean))
    # How far median and mean lie apart is known, and need not be left to the draws.
    added += MEDIAN_AGAINST_MEAN / blocks - float(((middle - mean) ** 2).mean())
    return sqrt(noise), sqrt(max(added, noise / 2)), max(0.0, 1 - share)
