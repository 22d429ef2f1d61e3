"""What every figure is made of: samples taken side by side with a baseline, and a verdict.

On a shared machine only what was measured in the same minute can be compared: the measured thing and its baseline
take turns, and a figure is a median with the 10th and 90th percentile of its samples around it.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal


class CannotMeasureError(Exception):
    """Something that the figure needs is not here; the message says what, and how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The baseline: what it is, and its median in the same run."""

    what: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure: its median, its spread, what it should reach, whether it does, and its baseline.

    ``value`` is None where the figure could not be measured; ``beside.what`` then says why.
    """

    value: float | None
    unit: str
    low: float | None
    high: float | None
    reach: str
    holds: bool
    beside: Beside

    def to_json(self) -> dict[str, Any]:
        """The figure for programs."""
        return asdict(self)


def judge(
    samples: Sequence[float], *, unit: str, reach: float, better: Literal["less", "more"], beside: Beside
) -> Figure:
    """The figure of some samples; ``reach`` is the value that the median must not be worse than."""
    value = statistics.median(samples)
    low, high = _spread(samples)
    return Figure(
        value=_rounded(value),
        unit=unit,
        low=_rounded(low),
        high=_rounded(high),
        reach=f"{'<=' if better == 'less' else '>='} {reach:g}",
        holds=value <= reach if better == "less" else value >= reach,
        beside=beside,
    )


def not_measured(unit: str, reach: str, why: str) -> Figure:
    """A figure that could not be measured: it does not hold, and says why."""
    return Figure(
        value=None,
        unit=unit,
        low=None,
        high=None,
        reach=reach,
        holds=False,
        beside=Beside(what=why, value=0.0, unit=unit),
    )


def side_by_side(
    measured: Callable[[], object],
    baseline: Callable[[], object],
    *,
    rounds: int,
    warm_up: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[list[float], list[float]]:
    """Seconds per call of both, taken in turns, after some calls of each that do not count.

    ``clock`` is the wall's, or ``time.thread_time`` for work that only computes: what a busy neighbour takes away
    from it then does not count.
    """
    for _ in range(warm_up):
        measured()
        baseline()
    pairs = [(seconds(measured, clock), seconds(baseline, clock)) for _ in range(rounds)]
    return [first for first, _ in pairs], [second for _, second in pairs]


def seconds(action: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """How long one call takes by ``clock``."""
    start = clock()
    action()
    return clock() - start


def beside(what: str, samples: Sequence[float], unit: str) -> Beside:
    """A baseline from its samples."""
    return Beside(what=what, value=_rounded(statistics.median(samples)), unit=unit)


def _spread(samples: Sequence[float]) -> tuple[float, float]:
    if len(samples) < 2:
        return samples[0], samples[0]
    deciles = statistics.quantiles(samples, n=10, method="inclusive")
    return deciles[0], deciles[-1]


def _rounded(value: float) -> float:
    """Four significant digits: more would be the machine's mood."""
    return float(f"{value:.4g}")
