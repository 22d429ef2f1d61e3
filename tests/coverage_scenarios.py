"""How often intervals cover: scenarios with a known truth, shared by the tests (few runs) and the bench (many).

Block values and units are drawn anew in every run, so that a total interval is held against the distribution they
come from, and a noise interval against the very values that were drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
from gate_plans import category_plan, gate_plan, output_plan, raws
from scipy.stats import binom

from protocol.documents.release import ReleasedHistogram, ReleasedOutput, ReleasedValue
from sandbox.domain.plan import GatePlan
from sandbox.gate import release

FALSE_ALARM = 1e-7
SPREAD = 0.35
CENTRE = 0.2

Values = npt.NDArray[np.float64]
Bounds = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One kind of interval over one distribution: `draw` gives the chambers' answers, `truth` what must be covered."""

    name: str
    level: float
    plan: GatePlan
    draw: Callable[[np.random.Generator], list[float] | list[str]]
    truth: Callable[[list[float] | list[str]], float]
    bounds: Callable[[ReleasedOutput], Bounds]

    def misses(self, runs: int, seed: int) -> int:
        """Release so many times, and count how often the truth lay outside."""
        generator = np.random.default_rng(seed)
        return sum(self._misses(self.draw(generator)) for _ in range(runs))

    def allowed(self, runs: int) -> int:
        """Say how many misses happen by chance, at the stated level, with a probability of at least FALSE_ALARM."""
        return int(binom.isf(FALSE_ALARM, runs, 1 - self.level))

    def _misses(self, answers: list[float] | list[str]) -> bool:
        low, high = self.bounds(release(self.plan, raws("x", answers))[0])
        return not low <= self.truth(answers) <= high


def scenarios() -> tuple[Scenario, ...]:
    """Every kind of interval that a release may carry."""
    return (*_sums(), *_medians(), *_bought(), *_bars())


def _noise(released: ReleasedOutput) -> Bounds:
    assert isinstance(released, ReleasedValue)
    return float(released.noise_interval.low), float(released.noise_interval.high)


def _total(released: ReleasedOutput) -> Bounds:
    assert isinstance(released, ReleasedValue)
    assert released.total_interval is not None
    return float(released.total_interval.low), float(released.total_interval.high)


def _sums() -> tuple[Scenario, ...]:
    output = output_plan(
        aggregator="sum", low=Decimal(-3), high=Decimal(3), spread=Decimal("0.35"), rho_nano=100_000_000, divisor=200
    )
    plan = gate_plan(output, mode="unit", blocks=200)

    def draw(generator: np.random.Generator) -> list[float]:
        return [float(v) for v in generator.normal(CENTRE, SPREAD, 200)]

    noise = Scenario(name="sum, noise", level=0.999, plan=plan, draw=draw, truth=lambda v: sum(v) / 200, bounds=_noise)
    total = Scenario(name="sum, total", level=0.95, plan=plan, draw=draw, truth=lambda _: CENTRE, bounds=_total)
    return noise, total


def _median(blocks: int, interval_nano: int, high: int) -> GatePlan:
    output = output_plan(low=Decimal(-high), high=Decimal(high), interval_nano=interval_nano)
    return gate_plan(output, blocks=blocks)


def _medians() -> tuple[Scenario, ...]:
    found = []
    for blocks, high in ((128, 3), (128, 30)):
        plan = _median(blocks, 0, high)

        def draw(generator: np.random.Generator, blocks: int = blocks) -> list[float]:
            return [float(v) for v in generator.normal(CENTRE, SPREAD, blocks)]

        name = f"median of {blocks} over [-{high}, {high}]"
        found.append(Scenario(name=f"{name}, noise", level=0.999, plan=plan, draw=draw, truth=np.median, bounds=_noise))
        found.append(
            Scenario(name=f"{name}, total", level=0.95, plan=plan, draw=draw, truth=lambda _: CENTRE, bounds=_total)
        )
    return tuple(found)


def _bought() -> tuple[Scenario, ...]:
    """Shapes: Normal, skewed, heavy tails. Prices: the least that is sold for so many blocks, and plenty."""
    shapes: dict[str, tuple[float, Callable[[np.random.Generator, int], Values]]] = {
        "Normal": (CENTRE, lambda g, k: g.normal(CENTRE, SPREAD, k)),
        "log-Normal": (0.3, lambda g, k: 0.3 * np.exp(g.normal(0, 0.8, k))),
        "Student t, 2 degrees": (CENTRE, lambda g, k: CENTRE + 0.2 * g.standard_t(2, k)),
    }
    cases = [(shape, 256, 29_000_000) for shape in shapes]
    cases += [("Normal", 128, 131_100_000), ("Normal", 1024, 2_000_000), ("Normal", 256, 10**9)]
    found = []
    for shape, blocks, interval in cases:
        truth, values = shapes[shape]

        def draw(
            generator: np.random.Generator,
            blocks: int = blocks,
            values: Callable[[np.random.Generator, int], Values] = values,
        ) -> list[float]:
            return [float(v) for v in values(generator, blocks)]

        found.append(
            Scenario(
                name=f"bought, {shape}, {blocks} blocks, {interval} nano",
                level=0.95,
                plan=_median(blocks, interval, 3),
                draw=draw,
                truth=lambda _, truth=truth: truth,
                bounds=_total,
            )
        )
    return tuple(found)


def _bars() -> tuple[Scenario, ...]:
    """The rarest bar of four: there the Normal approximation is worst."""
    categories = ("common", "less", "rare", "rarest")
    shares = (0.6, 0.3, 0.08, 0.02)
    output = category_plan(aggregator="histogram", categories=categories, rho_nano=100_000_000)
    plan = gate_plan(output, mode="unit", blocks=1000)

    def draw(generator: np.random.Generator) -> list[str]:
        return [str(name) for name in generator.choice(categories, 1000, p=shares)]

    def noise(released: ReleasedOutput) -> Bounds:
        assert isinstance(released, ReleasedHistogram)
        return float(released.bars[3].noise_low), float(released.bars[3].noise_high)

    def total(released: ReleasedOutput) -> Bounds:
        assert isinstance(released, ReleasedHistogram)
        return float(released.bars[3].total_low), float(released.bars[3].total_high)

    def counted(answers: list[float] | list[str]) -> float:
        return answers.count("rarest")

    return (
        Scenario(name="bar, noise", level=0.999, plan=plan, draw=draw, truth=counted, bounds=noise),
        Scenario(name="bar, total", level=0.95, plan=plan, draw=draw, truth=lambda _: 20.0, bounds=total),
    )
