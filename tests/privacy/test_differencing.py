"""Differencing: two counts that differ by one person do not tell that person's secret.

The attacker knows everybody else, and guesses better than any who only subtracts. A guess is right at most
e^epsilon / (1 + e^epsilon) of the time, and at most 1/2 + 1/2 sqrt(rho / 2): the figures that committees are told
(55.5 %, 62.5 % and 75 %).

False alarms: at most 1e-7 per test, by Clopper and Pearson's lower bound for the share of right guesses.
"""

from decimal import Decimal
from math import exp, sqrt

import attackers
import numpy as np
import pytest
from audit import FALSE_ALARM, at_least

from sandbox.gate import epsilon

PEOPLE, RELEASES = 20, 2_000
DELTA = Decimal("0.000001")
FIGURES = {24_400_000: 0.555, 125_000_000: 0.625, 500_000_000: 0.75}


def guesses(release: attackers.Release, releases: int = RELEASES) -> int:
    return attackers.guessed_right(np.random.default_rng(20261126), PEOPLE, releases, release)


@pytest.mark.parametrize(("rho_nano", "figure"), FIGURES.items())
def test_guess_is_right_no_more_often_than_committees_are_told(rho_nano: int, figure: float) -> None:
    right = guesses(attackers.through_the_gate(1, rho_nano))
    print(f"differencing at rho {rho_nano / 1e9}: {right / RELEASES:.1%} of guesses right, told {figure:.1%}")

    assert figure == pytest.approx(0.5 + 0.5 * sqrt(rho_nano / 2e9), abs=5e-4)
    assert figure <= 1 / (1 + exp(-epsilon(rho_nano, DELTA)))
    assert at_least(right, RELEASES, FALSE_ALARM) <= figure


def test_guess_is_always_right_from_exact_counts() -> None:
    assert guesses(attackers.exact, 100) == 100


def test_quarter_of_the_noise_is_noticed() -> None:
    right = guesses(attackers.through_the_gate(1, 16 * 500_000_000), 1_000)
    print(f"differencing, a quarter of the noise: {right / 1_000:.1%} of guesses right")

    assert at_least(right, 1_000, FALSE_ALARM) > FIGURES[500_000_000]
