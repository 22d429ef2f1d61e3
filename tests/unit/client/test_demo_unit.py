"""The odds ratio that a researcher computes from four released sums, against the formula by hand and by simulation."""

import math
import random
import statistics

import pytest

from client.commands.demo_unit import log_odds_ratio
from protocol.documents.release import ReleasedValue


class Answer:
    """What of a release the computation reads."""

    def __init__(self, numbers: dict[str, float], noise: float) -> None:
        self.numbers = [
            ReleasedValue.model_construct(name=name, value=str(value), scale=str(noise))
            for name, value in numbers.items()
        ]


COUNTS = {"case_alt": 400.0, "case_alleles": 1200.0, "control_alt": 1000.0, "control_alleles": 4000.0}


def test_without_noise_it_is_woolfs() -> None:
    value, error = log_odds_ratio(Answer(COUNTS, 0.0))

    assert value == pytest.approx(math.log((400 * 3000) / (800 * 1000)))
    assert error == pytest.approx(math.sqrt(1 / 400 + 1 / 800 + 1 / 1000 + 1 / 3000))


def test_stated_error_of_noise_is_that_of_many_noisy_answers() -> None:
    """2 000 answers: their standard deviation is known to 1.6 %; the linear approximation adds a little."""
    dice, noise = random.Random(5), 12.0
    found = [
        log_odds_ratio(Answer({name: value + dice.gauss(0, noise) for name, value in COUNTS.items()}, noise))[0]
        for _ in range(2000)
    ]
    _, alone = log_odds_ratio(Answer(COUNTS, 0.0))
    _, both = log_odds_ratio(Answer(COUNTS, noise))

    assert statistics.stdev(found) == pytest.approx(math.sqrt(both**2 - alone**2), rel=0.08)


def test_count_that_noise_left_empty_is_no_answer() -> None:
    with pytest.raises(ValueError, match="math domain"):
        log_odds_ratio(Answer({**COUNTS, "case_alt": -3.0}, 12.0))
