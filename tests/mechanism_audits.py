"""The audits of every mechanism, each on a worst pair of neighbours: shared by the tests (few runs) and a bench (many).

An audit is made at a rho where an error of a tenth shows best; a planted bug is the same mechanism at another rho than
the one that is declared: noise of half the deviation costs four times as much, noise for a sensitivity that is ten per
cent too small 1.21 times as much.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from audit import Sampler, audited_mu, audited_range, chosen_mu, chosen_range

from sandbox.gate import categories, library
from sandbox.gate.library import Mechanism

SPAN = 1_000_000
GAUSSIAN_NANO = 8 * 10**9  # mu = 4
SELECTION_NANO = 2 * 10**9  # epsilon = 4
HALF_NOISE = 4.0
TENTH_TOO_SMALL = 1.1**2

Pair = tuple[Sampler, Sampler]


@dataclass(frozen=True, kw_only=True)
class Audit:
    """One mechanism: how two neighbours' answers are drawn at a rho, and what is measured of them."""

    name: str
    rho_nano: int
    declared: float
    pair: Callable[[int], Pair]
    measure: Callable[[Pair, int], float]
    chosen: Callable[[Pair, int], float]

    def found(self, runs: int, bug: float = 1.0) -> float:
        """Audit with the event that theory calls best, relative to what was declared."""
        return self.measure(self.pair(round(self.rho_nano * bug)), runs) / self.declared

    def found_blindly(self, runs: int, bug: float = 1.0) -> float:
        """Audit with an event that the first half of the runs chose, relative to what was declared."""
        return self.chosen(self.pair(round(self.rho_nano * bug)), runs) / self.declared


def _sum(rho_nano: int) -> Pair:
    """One unit at the lower or at the upper end."""
    draw = library.noisy_sum(0, SPAN, 1, rho_nano).measurement
    return lambda: draw([SPAN]) / SPAN - 0.5, lambda: draw([0]) / SPAN - 0.5


def _vector(rho_nano: int) -> Pair:
    """One unit in one bar or the other: what tells them apart is the difference of both bars.

    A bar counts SPAN, so that the lattice of the noise is fine: on a coarse one a discrete Gaussian is no Gaussian,
    and the measure that belongs to Gaussians overstates it.
    """
    draw = library.noisy_vector(0, SPAN, 2, 2 * SPAN**2, rho_nano).measurement

    def apart(vector: list[int]) -> float:
        drawn = draw(vector)
        return (drawn[0] - drawn[1]) / SPAN

    return lambda: apart([SPAN, 0]), lambda: apart([0, SPAN])


def _outcomes(mechanism: Mechanism, one: list[int], other: list[int]) -> Pair:
    draw = mechanism.measurement
    return lambda: draw(one), lambda: draw(other)


def _median(rho_nano: int) -> Pair:
    """One value crosses all candidates, so two of them move by one rank each way."""
    return _outcomes(library.median(0, 300, 4, 2, rho_nano), [150, 300], [0, 150])


def _quantile(rho_nano: int) -> Pair:
    """The lower quarter of four, likewise: below 100 are none or one, below 200 are one or two."""
    return _outcomes(library.quantile(0, 300, 4, 4, 256, rho_nano), [150, 300, 300, 300], [0, 150, 300, 300])


def _vote(rho_nano: int) -> Pair:
    """The only vote goes to the first or to the second."""
    return _outcomes(categories.vote(2, 1, rho_nano), [1, 0], [0, 1])


def _of_gaussian(name: str, pair: Callable[[int], Pair]) -> Audit:
    return Audit(
        name=name,
        rho_nano=GAUSSIAN_NANO,
        declared=sqrt(2 * GAUSSIAN_NANO / 1e9),
        pair=pair,
        measure=lambda both, runs: audited_mu(*both, lambda number: number > 0, runs),
        chosen=lambda both, runs: chosen_mu(*both, runs),
    )


def _of_selection(name: str, pair: Callable[[int], Pair], up: int, down: int) -> Audit:
    return Audit(
        name=name,
        rho_nano=SELECTION_NANO,
        declared=sqrt(8 * SELECTION_NANO / 1e9),
        pair=pair,
        measure=lambda both, runs: audited_range(*both, up, down, runs),
        chosen=lambda both, runs: chosen_range(*both, runs),
    )


AUDITS = (
    _of_gaussian("sum", _sum),
    _of_gaussian("histogram", _vector),
    _of_selection("median", _median, 200, 100),
    _of_selection("bought quantile", _quantile, 200, 100),
    _of_selection("vote", _vote, 0, 1),
)
