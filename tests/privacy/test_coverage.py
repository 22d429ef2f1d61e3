"""Intervals cover what they say, as often as they say.

False alarms: each test allows as many misses as happen with a probability of at least 1e-7 at the stated level.
"""

from dataclasses import replace
from decimal import Decimal
from statistics import median

import numpy as np
import pytest
from coverage_scenarios import Scenario, scenarios
from gate_plans import gate_plan, output_plan, raws
from scipy.stats import binom

from protocol.documents.release import Interval, ReleasedOutput, ReleasedValue
from sandbox import gate
from sandbox.domain.plan import GatePlan

FALSE_ALARM = 1e-7
RUNS = 500
SPREAD = 0.35
CENTRE = 0.2
SHORT_RUNS = 250
SHORTLY = (
    "bought, Normal, 256 blocks, 29000000 nano",
    "bought, log-Normal, 256 blocks, 29000000 nano",
    "bar, noise",
    "bar, total",
)


def allowed(level: Decimal, runs: int) -> int:
    """How often an interval of this level may miss."""
    return int(binom.isf(FALSE_ALARM, runs, 1 - float(level)))


def release(plan: GatePlan, untrusted: list[bytes]) -> list[ReleasedValue]:
    return [one for one in gate.release(plan, untrusted) if isinstance(one, ReleasedValue)]


def misses(interval: Interval | None, truth: float) -> bool:
    assert interval is not None
    return not float(interval.low) <= truth <= float(interval.high)


@pytest.mark.parametrize("rho_nano", [10_000_000, 31_250_000, 10**9])
def test_noise_interval_of_a_sum_covers_the_sum(rho_nano: int) -> None:
    output = output_plan(aggregator="sum", low=Decimal(0), high=Decimal(2), spread=None, rho_nano=rho_nano, divisor=40)
    plan, untrusted = gate_plan(output, blocks=20), raws("x", [0.0, 1.0] * 10)

    missed = sum(misses(release(plan, untrusted)[0].noise_interval, 10 / 40) for _ in range(RUNS))

    assert missed <= allowed(Decimal("0.999"), RUNS)


def test_noise_interval_of_a_small_count_covers_the_count() -> None:
    output = output_plan(
        aggregator="count", whole=True, decimals=0, low=Decimal(0), high=Decimal(1), spread=None, rho_nano=2 * 10**9
    )
    plan, untrusted = gate_plan(output, blocks=20), raws("x", [0, 1] * 10)

    missed = sum(misses(release(plan, untrusted)[0].noise_interval, 10) for _ in range(RUNS))

    assert missed <= allowed(Decimal("0.999"), RUNS)


@pytest.mark.parametrize(("blocks", "high"), [(128, 3), (128, 30)])
def test_intervals_of_a_median_cover_under_their_model(blocks: int, high: int) -> None:
    generator = np.random.default_rng(20261123)
    plan = gate_plan(output_plan(low=Decimal(-high), high=Decimal(high)), blocks=blocks)
    noise_missed = total_missed = 0

    for _ in range(RUNS):
        values = generator.normal(CENTRE, SPREAD, blocks).tolist()
        released = release(plan, raws("x", values))[0]
        noise_missed += misses(released.noise_interval, median(values))
        total_missed += misses(released.total_interval, CENTRE)

    assert noise_missed <= allowed(Decimal("0.999"), RUNS)
    assert total_missed <= allowed(Decimal("0.95"), RUNS)


@pytest.mark.parametrize("one", [s for s in scenarios() if s.name in SHORTLY], ids=lambda one: one.name)
def test_interval_covers_as_often_as_it_says(one: Scenario) -> None:
    """`benches/interval_coverage.py` runs all scenarios, 2 000 times each."""
    assert one.misses(SHORT_RUNS, seed=20261126) <= one.allowed(SHORT_RUNS)


def test_bought_interval_of_a_third_of_the_width_would_be_noticed() -> None:
    one = next(s for s in scenarios() if s.name == SHORTLY[0])

    def narrowed(released: ReleasedOutput) -> tuple[float, float]:
        low, high = one.bounds(released)
        return low + (high - low) / 3, high - (high - low) / 3

    assert replace(one, bounds=narrowed).misses(SHORT_RUNS, seed=1) > one.allowed(SHORT_RUNS)


def test_interval_that_is_too_narrow_would_be_noticed() -> None:
    """Half the noise interval's width misses about a tenth of the time, far above what is allowed."""
    assert binom.cdf(allowed(Decimal("0.999"), RUNS), RUNS, 0.0999) < FALSE_ALARM
