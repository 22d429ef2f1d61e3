"""Membership: whether somebody was in a study cannot be told from its released allele frequencies.

1 000 people, 5 000 variants; the likelihood ratio ranks 600 who were in above 600 who were not. Its area under the
curve (0.5: guessing) is averaged over REPEATS independent studies. By theory it is 0.519 at this rho; one study's area
has a deviation of 0.0167 (sqrt(1201 / (12 x 600 x 600))), the mean's is 0.0059, so that 0.55 is exceeded by chance less
than once in 10^7 times. No Gaussian release of this rho can give any attack more than 0.562.
"""

from math import sqrt

import attackers
import numpy as np
import pytest
from scipy.stats import norm

RHO_NANO = 24_400_000
PEOPLE, VARIANTS, TESTED = 1_000, 5_000, 600
REPEATS = 8
REACH = 0.55


@pytest.fixture(scope="module")
def studies() -> list[attackers.Study]:
    generator = np.random.default_rng(20261126)
    return [attackers.draw_study(generator, PEOPLE, VARIANTS, TESTED) for _ in range(REPEATS)]


def mean_auc(studies: list[attackers.Study], release: attackers.Release) -> float:
    return float(np.mean([attackers.membership_auc(study, release, TESTED) for study in studies]))


def test_threshold_leaves_chance_less_than_one_in_ten_million() -> None:
    deviation = sqrt((2 * TESTED + 1) / (12 * TESTED**2) / REPEATS)

    assert norm.sf(REACH, attackers.expected_auc(PEOPLE, VARIANTS, RHO_NANO), deviation) < 1e-7


def test_members_cannot_be_told_from_frequencies_of_the_gate(studies: list[attackers.Study]) -> None:
    area = mean_auc(studies, attackers.through_the_gate(2, RHO_NANO))
    print(f"membership through the gate, rho 0.0244: AUC {area:.3f}")

    assert area <= REACH


@pytest.mark.parametrize("release", [attackers.exact, attackers.suppressed_and_rounded])
def test_members_are_told_from_exact_and_from_suppressed_counts(
    studies: list[attackers.Study], release: attackers.Release
) -> None:
    area = mean_auc(studies[:2], release)
    print(f"membership, {release.__name__}: AUC {area:.3f}")

    assert area >= 0.9


def test_members_are_told_where_the_noise_is_a_tenth(studies: list[attackers.Study]) -> None:
    area = mean_auc(studies[:2], attackers.through_the_gate(2, 100 * RHO_NANO))
    print(f"membership, a tenth of the noise: AUC {area:.3f}")

    assert area > REACH
