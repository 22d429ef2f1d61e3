"""The price that is shown is the price that is charged, to the nano."""

import json
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from gate_plans import category_plan, gate_plan, output_plan, raw
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.plan import GatePlan
from sandbox.domain.plan_checks import check_medians
from sandbox.errors import Refused
from sandbox.gate import price, release

CAP_NANO = 31_250_000
LEAST_INTERVAL_NANO = 6_640_000  # over 512 blocks
SHARES = st.lists(st.integers(1, 10**10), min_size=1, max_size=6)
RANGES = st.sampled_from([(0, 1), (-3, 3), (0, 8), (-100_000, 5)])


def split(total: int, parts: int) -> list[int]:
    """An equal split in whole nano; the first ones take what is left over."""
    return [total // parts + (i < total % parts) for i in range(parts)]


def sums(shares: list[int], low: int = 0, high: int = 4) -> GatePlan:
    bounds = {"aggregator": "sum", "low": Decimal(low), "high": Decimal(high), "default": Decimal(low), "spread": None}
    outputs = (output_plan(f"x{i}", rho_nano=share, **bounds) for i, share in enumerate(shares))
    return gate_plan(*outputs, mode="unit", blocks=10)


def medians(shares: list[int], blocks: int = 512) -> GatePlan:
    return gate_plan(*(output_plan(f"x{i}", rho_nano=share) for i, share in enumerate(shares)), blocks=blocks)


@given(SHARES, RANGES)
@settings(max_examples=60, deadline=None)
def test_price_of_sums_is_what_their_mechanisms_cost(shares: list[int], bounds: tuple[int, int]) -> None:
    plan = sums(shares, *bounds)

    shown = price(plan)
    spent = release(plan, [None] * plan.blocks)

    assert shown.rho_nano_total == sum(output.rho_nano for output in spent) <= plan.rho_nano
    assert [one.rho_nano for one in shown.per_output] == [one.rho_nano for one in spent]
    assert all(one.rho_nano == asked for one, asked in zip(shown.per_output, shares, strict=True))


@given(st.lists(st.integers(10**6, 10**10), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_price_of_medians_is_what_their_mechanisms_cost(shares: list[int]) -> None:
    plan = medians(shares)

    shown = price(plan)
    spent = release(plan, [None] * plan.blocks)

    assert [one.rho_nano for one in shown.per_output] == [one.rho_nano for one in spent] == shares


@pytest.mark.parametrize("count", range(1, 17))
def test_exact_cap_is_spent_and_never_exceeded(count: int) -> None:
    shares = split(CAP_NANO, count)
    check_medians(shares, 512)

    assert price(sums(shares)).rho_nano_total == CAP_NANO
    assert price(medians(shares)).rho_nano_total == CAP_NANO


@given(st.integers(1, 16), st.randoms(use_true_random=False), st.integers(0, 1))
@settings(max_examples=40, deadline=None)
def test_exact_cap_split_as_stated_is_shown_spent_and_charged_to_the_nano(count: int, random: Any, unit: int) -> None:
    """Any split of the cap into whole nanos: equal ones are among those of the test above."""
    cuts = sorted(random.sample(range(1, CAP_NANO), count - 1))
    shares = [high - low for low, high in pairwise([0, *cuts, CAP_NANO])]
    plan = mixed_units(shares) if unit else mixed_blocks(shares)

    shown = price(plan)
    spent = release(plan, [None] * plan.blocks)

    assert shown.rho_nano_total == plan.rho_nano == CAP_NANO
    assert sum(output.rho_nano for output in spent) == CAP_NANO
    assert [one.rho_nano + one.interval_nano for one in shown.per_output] == [one.rho_nano for one in spent]


def mixed_units(shares: list[int]) -> GatePlan:
    """Sums and histograms in turn."""
    sum_of = {"aggregator": "sum", "low": Decimal(0), "high": Decimal(8), "spread": None}
    outputs = (
        category_plan(f"x{i}", aggregator="histogram", rho_nano=share)
        if i % 2
        else output_plan(f"x{i}", rho_nano=share, **sum_of)
        for i, share in enumerate(shares)
    )
    return gate_plan(*outputs, mode="unit", blocks=10)


def mixed_blocks(shares: list[int]) -> GatePlan:
    """Votes, means, medians, and medians whose interval takes a third of the share."""
    outputs = []
    for i, share in enumerate(shares):
        third = share // 3 if share // 3 > LEAST_INTERVAL_NANO else 0
        kinds = (
            category_plan(f"x{i}", rho_nano=share),
            output_plan(f"x{i}", aggregator="mean", rho_nano=share),
            output_plan(f"x{i}", rho_nano=share),
            output_plan(f"x{i}", rho_nano=share - third, interval_nano=third),
        )
        outputs.append(kinds[i % 4])
    return gate_plan(*outputs, blocks=512, candidates=11)


@given(st.integers(1, 2000), st.integers(1, 2**40), st.integers(0, 20))
@settings(max_examples=200, deadline=None)
def test_median_rule_is_the_rule_of_the_reals(blocks: int, share: int, count: int) -> None:
    """k epsilon >= 64 with epsilon = sqrt(8 rho), and d <= 8 rho (k/64)^2, in exact fractions."""
    resolved = Fraction(8 * share, 10**9) * blocks**2 >= 64**2
    carried = Fraction(8 * share * count, 10**9) * Fraction(blocks, 64) ** 2 >= count

    if count == 0 or resolved:
        check_medians([share] * count, blocks)
        assert count == 0 or carried
    else:
        with pytest.raises(Refused):
            check_medians([share] * count, blocks)


def test_measurement_describes_every_output_and_stays_short() -> None:
    many = sums(split(CAP_NANO, 1000))

    described = json.loads(price(many).measurement)

    assert sum(one["outputs"] for one in described["mechanisms"]) == 1000
    assert sum(one["outputs"] * one["rho_nano"] for one in described["mechanisms"]) == CAP_NANO
    assert described["version"] == "0.16.0"
    assert len(price(many).measurement) < 2000


def test_price_is_the_same_every_time() -> None:
    assert price(medians([CAP_NANO])) == price(medians([CAP_NANO]))


def test_price_reads_nothing_but_the_plan() -> None:
    plan = medians([CAP_NANO])
    before = price(plan)

    release(plan, [raw(x0=1.0)] * plan.blocks)

    assert price(plan) == before
