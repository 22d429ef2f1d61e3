"""Votes and histograms: chambers name categories, trusted code counts them, noise is added to the counts.

Replacing one chamber's answer takes one from one count and adds one to another. So between neighbours

- no count moves by more than 1 (L-infinity distance 1), but two of them move against each other: the scores of a vote
  are not monotonic, and cost rho = 1/(2 scale^2) (bounded range: epsilon = 2/scale, rho = epsilon^2/8);
- the counts as a vector move by (1, -1), an L2 distance of sqrt(2).

The counts are made here and not by the library, whose own counting would charge a histogram for an L2 distance of 2.
Ties need no rule: equal counts are released with equal probability.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_noisy_max
from opendp.measures import zero_concentrated_divergence
from opendp.metrics import linf_distance

from sandbox.errors import GateBroken
from sandbox.gate import library
from sandbox.gate.library import Column, Mechanism

ONE_VOTE = 1  # in L-infinity distance between counts
ONE_HOT_SQUARED = 2  # of the L2 distance between counts


@lru_cache(maxsize=256)
def vote(categories: int, length: int, share_nano: int) -> Mechanism:
    """Make the noisy maximum of the counts of `length` answers: P(c) is proportional to exp(count(c) / scale)."""
    domain = vector_domain(atom_domain(bounds=(0, length), T="i64"), size=categories)
    space = domain, linf_distance(T="i64", monotonic=False), zero_concentrated_divergence()

    def build(scale: float) -> Any:
        return make_noisy_max(*space, scale)

    return library.search("noisy-max", domain, categories, build, ONE_VOTE, 1, share_nano)


def histogram(categories: int, length: int, share_nano: int) -> Mechanism:
    """Make the discrete Gaussian mechanism for the counts of `length` answers."""
    return library.noisy_vector(0, length, categories, ONE_HOT_SQUARED, share_nano)


def tally(column: Column, categories: int, length: int) -> Column:
    """Count how many of `length` answers name each category; each answer is the place of its category."""
    library.check_vector(vector_domain(atom_domain(bounds=(0, categories - 1), T="i64"), size=length), column, length)
    counts = np.bincount(column, minlength=categories).astype(np.int64)
    if counts.sum() != length:
        raise GateBroken("gate-length", "not every answer was counted exactly once")
    return counts
