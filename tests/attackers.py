"""What an attacker does with released numbers: membership from allele frequencies, reconstruction, differencing.

Each attack is the strongest of its kind that knows everything but the secret: the frequencies of the population, the
level of the noise, the queries, the other people. What is attacked is either exact, or exact and then "suppressed below
10 and rounded to 5", or drawn through the gate's own mechanisms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

from sandbox.gate import library

NANO = 10**9
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Release = Callable[[Counts], tuple[Floats, float]]
"""Gives, for one row per person and one column per question, the released totals and the noise's deviation."""


def exact(answers: Counts) -> tuple[Floats, float]:
    """Release the totals as they are."""
    return answers.sum(axis=0).astype(np.float64), 0.0


def suppressed_and_rounded(answers: Counts) -> tuple[Floats, float]:
    """Release totals with those below 10 as 0 and the others rounded to 5: what many biobanks do."""
    totals = answers.sum(axis=0)
    return np.where(totals < 10, 0, 5 * np.round(totals / 5)).astype(np.float64), 5 / sqrt(12)


def through_the_gate(high: int, rho_nano: int) -> Release:
    """Release totals of answers in [0, high] through the gate's mechanism for vectors, for `rho_nano` in total.

    A person moves each of d totals by at most `high`, and so all of them by the root of d high^2.
    """

    def release(answers: Counts) -> tuple[Floats, float]:
        people, questions = answers.shape
        mechanism = library.noisy_vector(0, people * high, questions, questions * high**2, rho_nano)
        return np.array(mechanism.invoke_vector(answers.sum(axis=0)), dtype=np.float64), mechanism.scale

    return release


# Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study whose allele counts are released: the population's frequencies, and people inside and outside of it."""

    frequencies: Floats
    inside: Counts
    outside: Counts


def draw_study(generator: np.random.Generator, people: int, variants: int, outside: int) -> Study:
    """Draw independent common variants of unrelated people."""
    frequencies = generator.uniform(0.05, 0.5, variants)
    everybody = generator.binomial(2, frequencies, (people + outside, variants))
    return Study(frequencies=frequencies, inside=everybody[:people], outside=everybody[people:])


def membership_auc(study: Study, release: Release, tested: int) -> float:
    """Tell `tested` members from the people outside by the likelihood ratio of what was released.

    A released count is close to Normal, and a member moves its mean by their own genotype: the log of the ratio is
    linear in that genotype, but for a part that is the same for all (Homer et al. 2008; Sankararaman et al. 2009).
    """
    totals, deviation = release(study.inside)
    people = len(study.inside)
    expected, variance = 2 * study.frequencies, 2 * study.frequencies * (1 - study.frequencies)
    weights = (totals - people * expected) / (people * variance + deviation**2)
    members, others = ((group - expected) @ weights for group in (study.inside[:tested], study.outside))
    ranks = rankdata(np.concatenate([members, others]))
    return float((ranks[: len(members)].sum() / len(members) - (len(members) + 1) / 2) / len(others))


def expected_auc(people: int, variants: int, rho_nano: int) -> float:
    """Give the area that this attack reaches on average against a Gaussian release of that rho: theory, not measured.

    Members are shifted by variants/people against a deviation whose square sums 1/people + noise over the variants.
    """
    frequencies = np.linspace(0.05, 0.5, 1000)
    noise = 2 * variants * NANO / rho_nano / (2 * frequencies * (1 - frequencies)) / people**2
    precision = float(np.mean(1 / (1 / people + noise)))
    return float(norm.cdf(sqrt(variants * precision) / people / sqrt(2)))


# Reconstruction


def reconstructed(generator: np.random.Generator, secret: Counts, subsets: int, release: Release) -> float:
    """Give the share of secret bits that least squares finds from counts over random subsets (Dinur, Nissim 2003)."""
    asked = generator.integers(0, 2, (subsets, len(secret)))
    totals, _ = release((asked * secret).T)
    found = np.linalg.lstsq(asked.astype(np.float64), totals, rcond=None)[0] > 0.5
    return float((found == secret).mean())


# Differencing


def guessed_right(generator: np.random.Generator, people: int, releases: int, release: Release) -> int:
    """Count right guesses at one person's secret bit from two counts, one with everybody and one without that person.

    The attacker may know all other bits: then the better of two guesses uses the first count alone, else their
    difference. Here everybody else is known.
    """
    others = generator.integers(0, 2, people - 1)
    right = 0
    for secret in generator.integers(0, 2, releases):
        with_target = np.append(others, secret)
        totals, _ = release(np.stack([with_target, np.append(others, 0)], axis=1))
        right += (totals[0] > others.sum() + 0.5) == bool(secret)
    return right
