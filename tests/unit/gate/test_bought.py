"""A bought interval: what is paid is what was shown, and what is drawn lies where it must."""

from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pytest
from gate_plans import gate_plan, output_plan, raws

from protocol.documents.release import ReleasedValue
from sandbox.domain.plan import GatePlan
from sandbox.errors import GateBroken
from sandbox.gate import bought, library, price, release

NANO = 29_000_001


def plan(blocks: int = 256, **changes: Any) -> GatePlan:
    return gate_plan(output_plan(**({"interval_nano": NANO} | changes)), blocks=blocks)


def one(made: GatePlan, seed: int = 1) -> ReleasedValue:
    values = Random(seed)
    released = release(made, raws("x", [values.gauss(0.2, 0.35) for _ in range(made.blocks)]))[0]
    assert isinstance(released, ReleasedValue)
    return released


def test_interval_costs_its_share_to_the_nano_on_top_of_the_value() -> None:
    made = plan()

    shown = price(made)

    assert shown.rho_nano_total == made.rho_nano == 31_250_000 + NANO
    assert (shown.per_output[0].rho_nano, shown.per_output[0].interval_nano) == (31_250_000, NANO)
    assert one(made).rho_nano == made.rho_nano


def test_bought_interval_says_so_and_what_it_cost() -> None:
    free, paid = (one(plan(interval_nano=nano)).total_interval for nano in (0, NANO))

    assert free is not None
    assert paid is not None
    assert "Normal with the spread stated" in free.covers
    assert f"bought for {NANO} nano-rho" in paid.covers


def test_interval_of_much_rho_is_that_of_order_statistics() -> None:
    """Half a width of 1.96 x 1.2533 x 0.35 / sqrt 1000 around the median, and a step of 0.003 more."""
    half = 1.96 * 1.2533 * 0.35 / 1000**0.5

    interval = one(plan(1000, rho_nano=10**12, interval_nano=10**12)).total_interval

    assert interval is not None
    assert float(interval.high - interval.low) / 2 == pytest.approx(half + 0.003, rel=0.25)


@pytest.mark.parametrize("seed", range(20))
def test_interval_holds_its_value_and_stays_on_the_grid(seed: int) -> None:
    made = plan(64, interval_nano=10**9, high=Decimal(1)) if seed % 2 else plan()
    released = one(made, seed)
    interval = released.total_interval

    assert interval is not None
    assert interval.low <= released.value <= interval.high
    assert made.outputs[0].low <= interval.low <= interval.high <= made.outputs[0].high


def test_interval_is_one_step_of_the_grid_wider_than_what_was_drawn() -> None:
    """All blocks between two candidates: whichever of them is drawn, the truth between them is covered."""
    made = plan(rho_nano=10**15, interval_nano=10**15)
    made = gate_plan(*made.outputs, blocks=256, candidates=7)

    released = release(made, raws("x", [0.4] * 256))[0]

    assert isinstance(released, ReleasedValue)
    assert released.total_interval is not None
    assert released.total_interval.low <= Decimal("0.4") <= released.total_interval.high


@pytest.mark.parametrize("part", [0, 1024, -1, 2000])
def test_quantile_that_is_none_is_our_own_fault(part: int) -> None:
    with pytest.raises(GateBroken) as broken:
        library.quantile(0, 100, 5, 3, part, 10**9)

    assert broken.value.code == "gate-quantile"


@pytest.mark.parametrize("part", [256, 410, 512, 700])
def test_quantile_with_much_rho_is_exact(part: int) -> None:
    column = np.arange(1000, dtype=np.int64)

    drawn = library.quantile(0, 1000, 1001, 1000, part, 10**15).invoke(column)

    assert drawn == pytest.approx(part / 1024 * 1000, abs=1)


def test_interval_that_would_cost_more_than_its_share_is_never_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    dearer = bought.mechanisms_of(plan(interval_nano=NANO + 2), plan(interval_nano=NANO + 2).outputs[0])
    monkeypatch.setattr(bought, "mechanisms_of", lambda *_: dearer)

    with pytest.raises(GateBroken) as broken:
        one(plan())

    assert broken.value.code == "gate-map"
