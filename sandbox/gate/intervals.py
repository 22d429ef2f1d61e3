"""How far a released value may lie from the truth, from public numbers only.

Gaussian noise is known exactly. A median's noise depends on how close the block values lie, which nobody may look at:
it is computed for block values that are Normal with the spread that the approved spec states. Everything here is a
function of the plan, so it costs no rho; every interval says in words what it covers and what it assumes.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, hypot, log, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

NOISE_LEVEL = "0.999"
TOTAL_LEVEL = "0.95"
MEDIAN_EFFICIENCY = 1.2533  # sqrt(pi/2): the median of Normal values varies this much more than their mean
EXACT_SCALE = 256  # below it the tail of the discrete Gaussian is summed, above it bounded by the continuous one
SAMPLES = 96  # of the numerical model of a median; its own error is covered by ROUNDING_UP
ROUNDING_UP = 1.03
STEP_PARTS = 8  # the model's errors are counted in these parts of a step of the grid
NEGLIGIBLE = 1e-9
SEED = 1  # the model is a numerical integral: the same plan must give the same interval

Z_TOTAL = NormalDist().inv_cdf((1 + float(TOTAL_LEVEL)) / 2)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.signedinteger]


@dataclass(frozen=True, slots=True, kw_only=True)
class MedianModel:
    """A median's errors in units of the spread: against the blocks' own median, and against the centre of the model."""

    noise_half: float
    noise_deviation: float
    total_half: float


def gaussian_half(scale: float) -> int:
    """Give the smallest known h with P(|X| > h) <= 1 - NOISE_LEVEL for a discrete Gaussian of this scale.

    Above EXACT_SCALE by P(X >= m) <= P(N >= m - 1) (Canonne, Kamath, Steinke 2020, proposition 25).
    """
    outside = 1 - float(NOISE_LEVEL)
    if scale > EXACT_SCALE:
        return ceil(scale * NormalDist().inv_cdf(1 - outside / 2)) + 1
    steps = np.arange(ceil(12 * scale) + 2)
    weights = np.exp(-((steps / scale) ** 2) / 2)
    beyond = 2 * (weights.sum() - np.cumsum(weights)) / (2 * weights.sum() - weights[0])
    return int(np.argmax(beyond <= outside))


@lru_cache(maxsize=256)
def median_model(blocks: int, scale: float, span: float, candidates: int) -> MedianModel:
    """Integrate the exponential mechanism over Normal block values; `span` is the range in units of the spread.

    Block values are drawn, the mechanism's own probabilities are exact for each draw, and the grid lies anywhere.
    """
    generator = np.random.default_rng(SEED)
    values = generator.standard_normal((SAMPLES, blocks))
    gap = span / (candidates - 1)
    first = generator.uniform(-0.5, 0.5, SAMPLES) * gap - span / 2
    row, place, weights = _weights(_below(values, first, gap, candidates), blocks, scale)
    noise = np.abs((first - np.median(values, axis=1))[row] + gap * place)
    step = gap / STEP_PARTS
    mass = np.bincount((noise / step).astype(np.int64), weights) / SAMPLES
    sampling_half = Z_TOTAL * MEDIAN_EFFICIENCY / sqrt(blocks)
    return MedianModel(
        noise_half=_quantile(mass, float(NOISE_LEVEL)) * step,
        noise_deviation=float(np.sqrt((weights * noise**2).sum() / SAMPLES)),
        total_half=hypot(_quantile(mass, float(TOTAL_LEVEL)) * step, sampling_half),
    )


def _below(values: Floats, first: Floats, gap: float, candidates: int) -> Integers:
    """Count, for each draw and candidate, the values below: no candidate equals a value, the grid lies anywhere.

    A value lies between two candidates of an even grid, so it is found by division and not by search.
    """
    place = (values - first[:, None]) * (1 / gap) + 1.0
    cell = np.clip(place, 0, candidates, out=place).astype(np.int32)
    cell += np.arange(len(values), dtype=np.int32)[:, None] * (candidates + 1)
    counts = np.bincount(cell.ravel(), minlength=len(values) * (candidates + 1))
    below: Integers = counts.reshape(len(values), candidates + 1).cumsum(axis=1, dtype=np.int32)[:, :-1]
    return below


def _weights(below: Integers, blocks: int, scale: float) -> tuple[Integers, Integers, Floats]:
    """Give draw, candidate and exact probability, exp(-|below - above| / (2 scale)) normalised, of likely candidates.

    What all candidates that are left out have together is below NEGLIGIBLE.
    """
    distance = np.abs(2 * below - blocks)
    distance -= distance.min(axis=1)[:, None]
    row, place = np.nonzero(distance < 2 * scale * log(below.shape[1] / NEGLIGIBLE))
    weights: Floats = np.exp(-distance[row, place] / (2 * scale))
    return row, place, weights / np.bincount(row, weights)[row]


def _quantile(mass: Floats, level: float) -> float:
    """Give the upper end of the step in which the mass reaches `level`, and a little more (ROUNDING_UP)."""
    return ROUNDING_UP * min(int(np.searchsorted(np.cumsum(mass), level)) + 1, mass.size)
