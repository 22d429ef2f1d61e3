"""How far a released value may lie from the truth, from public numbers only.

Gaussian noise is known exactly. A median's noise depends on how close the block values lie, which nobody may look at:
it is computed for block values that are Normal with the spread that the approved spec states. Everything here is a
function of the plan, so it costs no rho; every interval says in words what it covers and what it assumes.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, hypot, sqrt
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
SEED = 1  # the model is a numerical integral: the same plan must give the same interval

Z_TOTAL = NormalDist().inv_cdf((1 + float(TOTAL_LEVEL)) / 2)

Floats = npt.NDArray[np.float64]


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
    values = np.sort(generator.standard_normal((SAMPLES, blocks)), axis=1)
    shifts = generator.uniform(-0.5, 0.5, SAMPLES) * span / (candidates - 1)
    places = np.linspace(-span / 2, span / 2, candidates)[None, :] + shifts[:, None]
    by_distance = np.exp(-np.arange(blocks + 1) / (2 * scale))
    weights = np.stack([_weights(v, p, by_distance) for v, p in zip(values, places, strict=True)])
    noise = np.abs(places - np.median(values, axis=1)[:, None])
    step = span / (candidates - 1) / STEP_PARTS
    mass = np.bincount((noise / step).astype(np.int64).ravel(), weights.ravel()) / SAMPLES
    sampling_half = Z_TOTAL * MEDIAN_EFFICIENCY / sqrt(blocks)
    return MedianModel(
        noise_half=_quantile(mass, float(NOISE_LEVEL)) * step,
        noise_deviation=float(np.sqrt((weights * noise**2).sum() / SAMPLES)),
        total_half=hypot(_quantile(mass, float(TOTAL_LEVEL)) * step, sampling_half),
    )


def _weights(values: Floats, places: Floats, by_distance: Floats) -> Floats:
    """Give the exact probability of each candidate: exp(-|below - above| / (2 scale)), normalised."""
    below = np.searchsorted(values, places)  # no candidate equals a value: the grid lies anywhere
    distance = np.abs(2 * below - len(values))
    weights: Floats = by_distance[distance - distance.min()]
    weights /= weights.sum()
    return weights


def _quantile(mass: Floats, level: float) -> float:
    """Give the upper end of the step in which the mass reaches `level`, and a little more (ROUNDING_UP)."""
    return ROUNDING_UP * min(int(np.searchsorted(np.cumsum(mass), level)) + 1, mass.size)
