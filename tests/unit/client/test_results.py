"""The combination over nodes, against answers computed by hand and against its own claim."""

from __future__ import annotations

import math
import random

import pytest

from client.errors import UsageProblem
from client.results import Estimate, combine


def estimates(*pairs: tuple[float, float]) -> list[Estimate]:
    return [Estimate(node=f"n{i}", value=v, standard_error=s) for i, (v, s) in enumerate(pairs)]


def test_combine_weighs_by_inverse_variance() -> None:
    found = combine("x", estimates((1.0, 1.0), (4.0, 0.5)))

    # weights 1 and 4: (1 + 16) / 5, SE 1/sqrt(5), Q = 1*(2.4)^2 + 4*(0.6)^2 = 7.2
    assert found.value == pytest.approx(3.4)
    assert found.standard_error == pytest.approx(1 / math.sqrt(5))
    assert found.q == pytest.approx(7.2)
    assert found.i_squared == pytest.approx(6.2 / 7.2)
    assert [w for _, w in found.weights] == pytest.approx([0.2, 0.8])
    assert (found.low, found.high) == pytest.approx((3.4 - 1.959964 / math.sqrt(5), 3.4 + 1.959964 / math.sqrt(5)))


def test_combine_of_equal_errors_is_the_mean() -> None:
    found = combine("x", estimates((0.1, 0.2), (0.3, 0.2), (0.8, 0.2)))

    assert found.value == pytest.approx(0.4)
    assert found.standard_error == pytest.approx(0.2 / math.sqrt(3))


def test_combine_of_one_node_is_that_node() -> None:
    found = combine("x", estimates((0.25, 0.05)))

    assert (found.value, found.standard_error, found.i_squared) == (pytest.approx(0.25), pytest.approx(0.05), 0.0)


def test_combine_states_its_assumptions() -> None:
    found = combine("x", estimates((0.1, 0.2), (0.3, 0.2)))

    assert any("independent" in sentence for sentence in found.assumptions)
    assert found.level == "0.95"


def test_interval_covers_at_its_level() -> None:
    """20 000 rounds at 95 %: the count of misses is Binomial(20 000, 0.05); 5.2 standard deviations on either side
    are left by chance once in 5 million runs."""
    rounds, draw = 20_000, random.Random(7)
    errors = (0.1, 0.3, 0.2)
    missed = 0
    for _ in range(rounds):
        found = combine("x", estimates(*((draw.gauss(0.4, s), s) for s in errors)))
        missed += not found.low <= 0.4 <= found.high

    assert abs(missed - 0.05 * rounds) < 5.2 * math.sqrt(rounds * 0.05 * 0.95)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], "combine-nothing"),
        ([Estimate(node="a", value=1, standard_error=1)] * 2, "combine-same-node"),
        (estimates((math.nan, 1.0)), "combine-not-finite"),
        (estimates((1.0, 0.0)), "combine-not-finite"),
        (estimates((1.0, -1.0)), "combine-not-finite"),
        (estimates((1.0, math.inf)), "combine-not-finite"),
    ],
)
def test_combine_refuses_what_it_cannot_weigh(given: list[Estimate], code: str) -> None:
    with pytest.raises(UsageProblem) as refused:
        combine("x", given)

    assert refused.value.code == code
