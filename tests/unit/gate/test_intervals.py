"""Interval arithmetic against sums and known limits."""

import math

import pytest

from sandbox.gate import intervals


def tail(scale: float, half: int) -> float:
    weights = [math.exp(-((x / scale) ** 2) / 2) for x in range(int(40 * scale) + 50)]
    return 2 * math.fsum(weights[half + 1 :]) / (2 * math.fsum(weights) - weights[0])


@pytest.mark.parametrize("scale", [0.05, 0.3, 0.5, 1.0, 2.7, 50.0, 255.9, 256.1, 5000.0])
def test_gaussian_half_width_covers_its_level(scale: float) -> None:
    assert tail(scale, intervals.gaussian_half(scale)) <= 0.001


@pytest.mark.parametrize("scale", [0.05, 0.3, 0.5, 1.0, 2.7, 50.0, 255.9])
def test_gaussian_half_width_is_the_smallest(scale: float) -> None:
    half = intervals.gaussian_half(scale)

    assert half == 0 or tail(scale, half - 1) > 0.001


def test_median_with_much_rho_has_sampling_error_only() -> None:
    model = intervals.median_model(128, 0.001, 17.0, 2001)

    assert model.total_half == pytest.approx(1.96 * 1.2533 / 128**0.5, rel=0.05)


def test_median_that_may_miss_entirely_says_so() -> None:
    narrow, wide = (intervals.median_model(64, 4.0, span, 2001) for span in (10.0, 100_000.0))

    assert wide.noise_half > 1000 * narrow.noise_half


def test_more_blocks_make_a_median_better() -> None:
    few, many = (intervals.median_model(blocks, 4.0, 17.0, 2001) for blocks in (128, 512))

    assert many.noise_half < few.noise_half
    assert many.total_half < few.total_half


def test_model_is_a_function_of_public_numbers_alone() -> None:
    first = intervals.median_model(128, 4.0, 17.0, 2001)
    intervals.median_model.cache_clear()

    assert intervals.median_model(128, 4.0, 17.0, 2001) == first
