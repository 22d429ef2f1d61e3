"""Audits of each mechanism on its worst neighbours: never above what was charged, near it, and bugs are caught.

False alarms: at most 1e-7 per audit (`audit.FALSE_ALARM`). The samples are large enough that a planted bug escapes
with less than the same probability. `benches/privacy_audits.py` is the long version: 100 000 runs, no event given.
"""

from collections.abc import Callable

import numpy as np
import pytest
from audit import audited_breach
from mechanism_audits import AUDITS, HALF_NOISE, TENTH_TOO_SMALL, Audit

from sandbox.gate import library

RUNS = 6_000
LATTICE_RUNS = 2_000
LATTICE_LEVEL = 1e-4  # a breach is so plain that the level need not be small
NAMED = {audit.name: audit for audit in AUDITS}
#: How many runs show an error of a tenth; quantile and vote, whose draws take longest, are left to the bench.
SUBTLE = {"sum": 20_000, "histogram": 20_000, "median": 30_000}


@pytest.mark.parametrize("audit", AUDITS, ids=lambda audit: audit.name)
def test_mechanism_costs_what_is_charged(audit: Audit) -> None:
    assert 0.75 <= audit.found(RUNS) <= 1


@pytest.mark.parametrize("audit", AUDITS, ids=lambda audit: audit.name)
def test_half_the_noise_is_caught(audit: Audit) -> None:
    assert audit.found(2_000, HALF_NOISE) > 1


@pytest.mark.parametrize("name", SUBTLE)
def test_sensitivity_ten_per_cent_too_small_is_caught(name: str) -> None:
    assert NAMED[name].found(SUBTLE[name], TENTH_TOO_SMALL) > 1


def off_lattice(number: float) -> bool:
    """Tell whether a number near 0 lies between the multiples of 2^-53: 1 plus a float never does (Mironov 2012)."""
    return abs(number) < 0.5 and number * 2.0**53 != round(number * 2.0**53)


@pytest.mark.parametrize("noise", [np.random.default_rng(1).laplace, np.random.default_rng(1).normal])
def test_float_noise_is_caught_by_the_lattice(noise: Callable[[], float]) -> None:
    """Noise of epsilon = 1, or rho = 1/2, as numpy draws it: a neighbour is excluded by a single answer."""
    found = audited_breach(lambda: 0.0 + noise(), lambda: 1.0 + noise(), off_lattice, LATTICE_RUNS, LATTICE_LEVEL)

    assert found > 3


@pytest.mark.parametrize("part", [2, 5])
def test_noise_of_the_gate_has_one_lattice_whatever_it_hides(part: int) -> None:
    """Whole numbers, and every residue as often for both neighbours: mu = 1."""
    total = library.noisy_sum(0, 1_000_000, 1, 5 * 10**8)

    def residue(number: int) -> bool:
        assert type(number) is int
        return number % part == 0

    def drawn(value: int) -> int:
        return total.invoke(np.array([value], dtype=np.int64))

    found = audited_breach(lambda: drawn(0), lambda: drawn(1_000_000), residue, LATTICE_RUNS, LATTICE_LEVEL)

    assert found < 0.3
