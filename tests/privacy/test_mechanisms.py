"""Audits of each mechanism on its worst neighbours: never above what was charged, near it, and bugs are caught.

False alarms: at most 1e-7 per audit (`audit.FALSE_ALARM`), below 1e-6 for all tests of this folder together. The
samples are large enough that a planted bug escapes with less than the same probability.
"""

from math import sqrt

import pytest
from audit import audited_mu, audited_range

from sandbox.gate import library
from sandbox.gate.library import Mechanism

RUNS = 6_000
SUM_NANO = 8 * 10**9  # mu = 4: there an error of a tenth shows best
MEDIAN_NANO = 2 * 10**9  # epsilon = 4
SPAN = 1_000_000
HALF_NOISE = 4  # noise of half the deviation costs four times the rho
TENTH_TOO_SMALL = 1.1**2  # noise for a sensitivity that is ten per cent too small


def sum_distance(mechanism: Mechanism, runs: int) -> float:
    """Audit a sum on the worst pair of neighbours: one unit at the lower or at the upper end."""
    draw = mechanism.measurement
    return audited_mu(lambda: draw([SPAN]), lambda: draw([0]), lambda total: total > SPAN / 2, runs)


def median_range(mechanism: Mechanism, runs: int) -> float:
    """Audit a median on a worst pair: one value crosses all candidates, so two of them move by one rank each way."""
    draw = mechanism.measurement
    return audited_range(lambda: draw([150, 300]), lambda: draw([0, 150]), 200, 100, runs)


def noisy_sum(rho_nano: float) -> Mechanism:
    return library.noisy_sum(0, SPAN, 1, round(rho_nano))


def median(rho_nano: float) -> Mechanism:
    return library.median(0, 300, 4, 2, round(rho_nano))


def test_sum_costs_what_is_charged() -> None:
    declared = sqrt(2 * SUM_NANO / 1e9)

    assert 0.75 * declared <= sum_distance(noisy_sum(SUM_NANO), RUNS) <= declared


@pytest.mark.parametrize(("bug", "runs"), [(HALF_NOISE, 2_000), (TENTH_TOO_SMALL, 20_000)])
def test_sum_with_too_little_noise_is_caught(bug: float, runs: int) -> None:
    assert sum_distance(noisy_sum(SUM_NANO * bug), runs) > sqrt(2 * SUM_NANO / 1e9)


def test_median_costs_what_is_charged() -> None:
    declared = sqrt(8 * MEDIAN_NANO / 1e9)

    assert 0.75 * declared <= median_range(median(MEDIAN_NANO), RUNS) <= declared


@pytest.mark.parametrize(("bug", "runs"), [(HALF_NOISE, 2_000), (TENTH_TOO_SMALL, 30_000)])
def test_median_with_too_little_noise_is_caught(bug: float, runs: int) -> None:
    assert median_range(median(MEDIAN_NANO * bug), runs) > sqrt(8 * MEDIAN_NANO / 1e9)
