"""``membership_auc`` (``make bench PRIVACY=1``): how well members are told from released frequencies at rho 0.0244.

As tests/privacy/test_membership.py, over many more studies: the mean area under the curve, and the 10th and 90th
percentile of single studies. Beside it: the same attack on counts suppressed below 10 and rounded to 5. The shares of
bits that are reconstructed, and of guesses that are right, go to standard error.
"""

import statistics
import sys
from pathlib import Path

import numpy as np

from benches.harness import Figure, beside

sys.path.append(str(Path(__file__).parents[1] / "tests"))

import attackers

PRIVACY = True
UNIT = "AUC"
REACH = "<= 0.55"
STUDIES, RELEASES = 40, 10_000
RHO_NANO, EPSILON_ONE_NANO = 24_400_000, 24_300_000


def measure() -> Figure:
    """About three minutes."""
    generator = np.random.default_rng()
    protected, usual = [], []
    for _ in range(STUDIES):
        study = attackers.draw_study(generator, 1_000, 5_000, 600)
        protected.append(attackers.membership_auc(study, attackers.through_the_gate(2, RHO_NANO), 600))
        usual.append(attackers.membership_auc(study, attackers.suppressed_and_rounded, 600))
    _tell_the_others(generator)
    deciles = statistics.quantiles(protected, n=10, method="inclusive")
    value = statistics.mean(protected)
    return Figure(
        value=round(value, 4),
        unit=UNIT,
        low=round(deciles[0], 4),
        high=round(deciles[-1], 4),
        reach=REACH,
        holds=value <= 0.55,
        beside=beside("suppressed below 10 and rounded to 5", usual, UNIT),
    )


def _tell_the_others(generator: np.random.Generator) -> None:
    """Say what the other two attacks on numbers come to."""
    gate = attackers.through_the_gate(1, EPSILON_ONE_NANO)
    secrets = [generator.integers(0, 2, 200) for _ in range(STUDIES)]
    bits = statistics.mean(attackers.reconstructed(generator, secret, 800, gate) for secret in secrets)
    rounded = attackers.reconstructed(generator, secrets[0], 800, attackers.suppressed_and_rounded)
    print(f"  bits reconstructed at epsilon 1: {bits:.1%}; from rounded counts {rounded:.1%}", file=sys.stderr)
    for rho_nano in (RHO_NANO, 125_000_000, 500_000_000):
        release = attackers.through_the_gate(1, rho_nano)
        right = attackers.guessed_right(generator, 20, RELEASES, release) / RELEASES
        print(f"  guesses right at rho {rho_nano / 1e9:g}: {right:.1%}", file=sys.stderr)
