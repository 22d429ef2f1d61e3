"""What leaves: values near the truth, honest intervals, and a document that protocol accepts."""

from decimal import Decimal

import pytest
from gate_plans import gate_plan, output_plan, raws

from protocol.documents.release import ReleasedValue
from sandbox.domain.plan import OutputPlan
from sandbox.errors import GateBroken
from sandbox.gate import epsilon, library_version, release

PLENTY = 10**15  # nano-rho: the noise of a sum is then below a thousandth of its range


def total(name: str = "x", **changes: object) -> OutputPlan:
    bounds = {"aggregator": "sum", "low": Decimal(0), "high": Decimal(4), "spread": None, "rho_nano": PLENTY}
    return output_plan(name, **(bounds | changes))


def one(output: OutputPlan, values: list[float]) -> ReleasedValue:
    return release(gate_plan(output, blocks=len(values)), raws("x", values))[0]


def test_sum_is_divided_after_the_noise() -> None:
    released = one(total(divisor=20), [1.0] * 6 + [2.0] * 4)

    assert released.value == pytest.approx(Decimal("0.7"), abs=Decimal("0.03"))


def test_mean_is_divided_by_the_number_of_blocks() -> None:
    released = one(total(aggregator="mean"), [1.0, 2.0, 3.0, 4.0])

    assert released.value == pytest.approx(Decimal("2.5"), abs=Decimal("0.03"))


def test_median_is_one_of_the_candidates() -> None:
    released = one(output_plan(rho_nano=PLENTY), [-2.0, 0.3, 0.3, 0.3, 2.0])

    assert released.value == Decimal("0.300000")


def test_noise_interval_is_the_known_tail_of_the_gaussian() -> None:
    released = one(total(rho_nano=5 * 10**8), [0.0] * 10)  # rho = 1/2: the deviation is the range

    half = (released.noise_interval.high - released.noise_interval.low) / 2

    assert released.scale == pytest.approx(Decimal(4), rel=Decimal("0.001"))
    assert half == pytest.approx(Decimal("3.2905") * 4, rel=Decimal("0.002"))
    assert released.noise_interval.level == Decimal("0.999")


def test_value_lies_inside_its_own_intervals() -> None:
    released = one(output_plan(), [0.1] * 128)

    assert released.total_interval is not None
    assert released.noise_interval.low <= released.value <= released.noise_interval.high
    assert released.total_interval.low <= released.value <= released.total_interval.high


def test_standard_error_is_noise_and_sampling_together() -> None:
    noisy = one(output_plan(), [0.0] * 128).standard_error
    sampling = 1.2533 * 0.35 / 128**0.5

    assert noisy is not None
    assert one(output_plan(rho_nano=PLENTY), [0.0] * 128).standard_error == pytest.approx(
        Decimal(sampling), rel=Decimal("0.03")
    )
    assert float(noisy) > 1.2 * sampling


def test_sum_without_spread_has_no_total_interval() -> None:
    released = one(total(), [1.0] * 10)

    assert (released.total_interval, released.standard_error) == (None, None)


def test_sum_with_spread_adds_sampling() -> None:
    released = one(total(spread=Decimal(3)), [1.0] * 100)

    assert released.standard_error == pytest.approx(Decimal(30), rel=Decimal("0.001"))


def test_result_that_was_not_given_counts_with_its_default() -> None:
    plan = gate_plan(total(default=Decimal(3)), blocks=4)

    assert release(plan, [None] * 4)[0].value == pytest.approx(Decimal(12), abs=Decimal("0.03"))


def test_count_is_released_with_noise_in_whole_steps() -> None:
    count = total(aggregator="count", whole=True, decimals=0, high=Decimal(1), rho_nano=10**9)

    released = one(count, [1.0] * 50)

    assert released.value == released.value.to_integral_value()
    assert abs(released.value - 50) < 20


def test_large_noise_is_released_in_round_numbers_that_protocol_accepts() -> None:
    released = one(total(high=Decimal(100_000), rho_nano=1), [0.0] * 10)

    again = ReleasedValue.model_validate(released.model_dump(mode="json"))

    assert again == released


def test_every_release_draws_its_own_noise() -> None:
    plan = gate_plan(total(rho_nano=10**7), blocks=10)

    assert len({release(plan, [None] * 10)[0].value for _ in range(20)}) > 15


def test_intervals_say_what_they_cover() -> None:
    median, mean = (one(output_plan(aggregator=a), [0.0] * 64) for a in ("median", "mean"))

    for released in (median, mean):
        assert released.total_interval is not None
        assert "sampling" in released.noise_interval.covers
        assert "sampling" in released.total_interval.covers


def test_median_without_spread_is_our_own_fault_and_stops() -> None:
    with pytest.raises(GateBroken) as broken:
        one(output_plan(spread=None), [0.0] * 8)

    assert broken.value.code == "gate-spread"


def test_epsilon_is_rounded_up_to_four_places() -> None:
    assert epsilon(125_000_000, Decimal("0.000001")) == Decimal("2.4191")


def test_library_version_is_a_known_one() -> None:
    assert library_version() == "0.16.0"
