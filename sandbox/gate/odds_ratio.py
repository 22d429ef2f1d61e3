"""The allelic odds ratio of a noisy table of cases and controls by genotype, with intervals.

Everything here is arithmetic on released numbers and the known scale of their noise, so it costs nothing. Of each group
the ALT alleles are n1 + 2 n2 and the REF alleles 2 n0 + n1; noise may make them negative, so they are floored at 0, and
0.5 is added to each of the four (Haldane 1956, Anscombe 1956). The intervals are those of the noise itself, drawn
around the released cells: logarithms of small counts are far from Normal, and a first-order formula would lie.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.domain.statistic import CELLS
from sandbox.gate.intervals import Z_TOTAL

ADDED: Final = 0.5
DRAWS: Final = 20_000
SEED: Final = 1  # a numerical integral: the same table must give the same interval
NOISE_TAIL: Final = 0.0004  # a little less than half of what 99.9 % leaves out: the tail of so many draws is rough
TOTAL_TAIL: Final = 0.025
#: From six cells (cases, then controls, with 0, 1, 2 ALT alleles) to ALT and REF alleles of both groups.
_ALLELES: Final = np.array(
    [[0, 1, 2, 0, 0, 0], [2, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 2], [0, 0, 0, 2, 1, 0]], dtype=np.float64
)
_SIGNS: Final = np.array([1.0, -1.0, -1.0, 1.0])

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOddsRatio:
    """A log odds ratio; `noise` covers that of the exact table, `total` that of the population. `error` is one sd."""

    value: float
    noise: tuple[float, float]
    total: tuple[float, float]
    error: float


def log_odds_ratio(cells: Sequence[int], scale: float) -> LogOddsRatio:
    """Give the log odds ratio of six noisy cells whose noise has this scale."""
    noisy = np.asarray(cells, dtype=np.float64)
    noise, sampling = _draws()
    counts = _counts(noisy[:, None] + scale * noise)
    exact = _SIGNS @ np.log(counts)
    population = exact + sampling * np.sqrt((1 / counts).sum(axis=0))
    total = _between(population, TOTAL_TAIL)
    value = float(_SIGNS @ np.log(_counts(noisy)))
    return LogOddsRatio(
        value=value,
        noise=_around(value, _between(exact, NOISE_TAIL)),
        total=_around(value, total),
        error=(total[1] - total[0]) / (2 * Z_TOTAL),
    )


def _counts(cells: Floats) -> Floats:
    """Four allele counts from six cells, each above 0."""
    return np.maximum(_ALLELES @ cells, 0.0) + ADDED


@lru_cache(maxsize=1)
def _draws() -> tuple[Floats, Floats]:
    """Standard Normal draws: for each cell, and for the sampling of people."""
    generator = np.random.default_rng(SEED)
    return generator.standard_normal((CELLS, DRAWS)), generator.standard_normal(DRAWS)


def _between(drawn: Floats, tail: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def _around(value: float, bounds: tuple[float, float]) -> tuple[float, float]:
    return min(value, bounds[0]), max(value, bounds[1])
