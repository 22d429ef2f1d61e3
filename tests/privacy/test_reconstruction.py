"""Reconstruction: secret bits cannot be found from many counts over random subsets (Dinur and Nissim 2003).

200 bits, 800 counts, least squares. The share of bits found right is averaged over REPEATS independent secrets. By
theory each bit is found with probability 0.52 at a total of epsilon = 1 (delta = 10^-6): the mean over 1 600 bits has
a deviation of 0.0125, so that 0.60 is exceeded by chance less than once in 10^7 times.
"""

from decimal import Decimal
from math import sqrt

import attackers
import numpy as np
import pytest
from scipy.stats import norm

from sandbox.gate import epsilon

BITS, COUNTS = 200, 800
REPEATS = 8
REACH = 0.60
RHO_NANO = 24_300_000


def share(release: attackers.Release, repeats: int = REPEATS) -> float:
    generator = np.random.default_rng(20261126)
    secrets = [generator.integers(0, 2, BITS) for _ in range(repeats)]
    return float(np.mean([attackers.reconstructed(generator, secret, COUNTS, release) for secret in secrets]))


def test_threshold_leaves_chance_less_than_one_in_ten_million() -> None:
    noise = sqrt(COUNTS * 10**9 / (2 * RHO_NANO))
    found = norm.cdf(0.5 / (noise / sqrt((COUNTS - BITS) / 4)))

    assert norm.sf(REACH, found, sqrt(found * (1 - found) / (BITS * REPEATS))) < 1e-7


def test_bits_cannot_be_found_from_counts_of_the_gate() -> None:
    found = share(attackers.through_the_gate(1, RHO_NANO))
    print(f"reconstruction through the gate, epsilon 1 in total: {found:.1%} of bits")

    assert epsilon(RHO_NANO, Decimal("0.000001")) <= 1
    assert found <= REACH


@pytest.mark.parametrize("release", [attackers.exact, attackers.suppressed_and_rounded])
def test_bits_are_found_from_exact_and_from_rounded_counts(release: attackers.Release) -> None:
    found = share(release, 2)
    print(f"reconstruction, {release.__name__}: {found:.1%} of bits")

    assert found >= 0.99


def test_bits_are_found_where_each_count_has_an_epsilon_of_its_own() -> None:
    """One that forgets to add up what 800 counts cost protects nobody."""
    found = share(attackers.through_the_gate(1, COUNTS * RHO_NANO), 2)
    print(f"reconstruction, epsilon 1 for each count: {found:.1%} of bits")

    assert found > REACH
