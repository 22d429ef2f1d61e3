"""Price and release of statistics: exact numbers from trusted code in, noisy ones out, once.

The numbers of one statistic are one vector with one discrete Gaussian mechanism: its scale fits the share of rho at the
L2 distance that the plan proves for replacing one unit, and what is charged is the library's own map at that distance.
All that follows is arithmetic on noisy values and public numbers. Nothing here may be called twice for one charge.
"""

import json
from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import hypot, sqrt

from protocol.documents.release import Bar, Cover, Interval, ReleasedHistogram, ReleasedOutput, ReleasedValue
from protocol.documents.statistic import (
    GENOTYPES,
    GROUPS,
    FrequenciesStatistic,
    GenotypeTableStatistic,
    HistogramStatistic,
    MeanStatistic,
    SumStatistic,
)
from sandbox.domain.plan import GatePlan
from sandbox.domain.statistic import ALLELES_PER_PERSON, CELLS, StatisticPlan
from sandbox.errors import GateBroken
from sandbox.gate import intervals, library, wording_statistic
from sandbox.gate.library import Column, Mechanism
from sandbox.gate.odds_ratio import log_odds_ratio
from sandbox.gate.values import OutputPrice, Price

FINENESS = 3  # released numbers keep this many decimal places below the noise
CELL_NAMES = tuple(f"{group} {alleles}" for group in GROUPS for alleles in range(GENOTYPES))


def price(plan: GatePlan) -> Price:
    """Say what releasing these statistics costs; `release` invokes the same mechanisms."""
    pairs = [(one, mechanism_of(one)) for one in plan.statistics]
    return Price(
        rho_nano_total=sum(mechanism.rho_nano for _, mechanism in pairs),
        per_output=tuple(
            OutputPrice(name=one.spec.name, mechanism=m.name, scale=m.scale, rho_nano=m.rho_nano, interval_nano=0)
            for one, m in pairs
        ),
        measurement=_describe(pairs),
    )


def mechanism_of(statistic: StatisticPlan) -> Mechanism:
    """Give the mechanism of one statistic: its scale is searched upward until its loss fits the share."""
    return library.noisy_vector(
        statistic.lowest,
        statistic.highest,
        statistic.measured,
        statistic.sensitivity_squared,
        statistic.rho_nano,
    )


def _describe(pairs: Sequence[tuple[StatisticPlan, Mechanism]]) -> str:
    """Describe the measurements for the receipt, enough to build them again, in the order of the spec."""
    document = {
        "library": "opendp",
        "version": library.opendp_version(),
        "measure": "zero-concentrated-divergence",
        "neighbours": "replace-one",
        "mechanisms": [
            {
                "mechanism": mechanism.name,
                "length": statistic.measured,
                "low": statistic.lowest,
                "high": statistic.highest,
                "l2_squared": statistic.sensitivity_squared,
                "members": statistic.members,
                "decimals": statistic.clip.decimals,
                "scale": repr(mechanism.scale),
                "rho_nano": mechanism.rho_nano,
                "sha256": library.fingerprint(mechanism),
            }
            for statistic, mechanism in pairs
        ],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def release(plan: GatePlan, measured: Sequence[Column]) -> tuple[ReleasedOutput, ...]:
    """Release every statistic of a plan from its exact numbers, in the order of the plan.

    Raises `GateBroken` when trusted code broke its own promises.
    """
    library.check_library()
    pairs = [(one, mechanism_of(one)) for one in plan.statistics]
    return tuple(
        output
        for (statistic, mechanism), exact in zip(pairs, measured, strict=True)
        for output in _release(plan, statistic, mechanism, exact)
    )


def _release(plan: GatePlan, statistic: StatisticPlan, mechanism: Mechanism, exact: Column) -> Iterator[ReleasedOutput]:
    if mechanism.rho_nano > statistic.rho_nano:
        raise GateBroken("gate-map", f"statistic {statistic.spec.name!r} would cost more than its share")
    released = _Released(plan, statistic, mechanism)
    noisy = mechanism.invoke_vector(exact)
    match statistic.spec:
        case HistogramStatistic():
            yield released.histogram(statistic.names[0], statistic.spec.bars(), noisy, mechanism.rho_nano)
        case GenotypeTableStatistic():
            yield from released.tables(noisy)
        case _:
            shares = _parts(mechanism.rho_nano, len(noisy))
            for name, number, rho_nano in zip(statistic.names, noisy, shares, strict=True):
                yield released.number(name, number, rho_nano)


def _parts(rho_nano: int, count: int) -> Iterator[int]:
    """Write a price that was paid together beside each value, so that they add up to it."""
    yield rho_nano - rho_nano // count * (count - 1)
    yield from (rho_nano // count for _ in range(count - 1))


class _Released:
    """Writes the numbers of one statistic as they are released, with their intervals."""

    def __init__(self, plan: GatePlan, statistic: StatisticPlan, mechanism: Mechanism) -> None:
        self._plan, self._statistic, self._mechanism = plan, statistic, mechanism
        self._unit = Decimal(1).scaleb(-statistic.clip.decimals) / statistic.divisor
        self._deviation = Decimal(mechanism.scale) * self._unit
        self._places = Decimal(1).scaleb(self._deviation.adjusted() - FINENESS)
        self._offset = Decimal(statistic.clip.middle).scaleb(-statistic.clip.decimals)
        self._noise_half = intervals.gaussian_half(mechanism.scale) * self._unit + self._places

    def number(self, name: str, noisy: int, rho_nano: int) -> ReleasedValue:
        """A number by itself: a count, a sum, a mean, a frequency."""
        value = (self._offset + noisy * self._unit).quantize(self._places)
        error = self._error(noisy)
        return ReleasedValue(
            name=name,
            value=value,
            mechanism=self._mechanism.name,
            scale=self._up(self._deviation),
            noise_interval=self._interval(value, self._noise_half, self._noise()),
            total_interval=None if error is None else self._interval(value, self._total_half(error), self._total()),
            standard_error=None if error is None else self._up(error),
            rho_nano=rho_nano,
        )

    def histogram(self, name: str, bars: Sequence[str], noisy: Sequence[int], rho_nano: int) -> ReleasedHistogram:
        """Bars, or the six cells of a table."""
        return ReleasedHistogram(
            name=name,
            bars=tuple(self._bar(bar, number) for bar, number in zip(bars, noisy, strict=True)),
            mechanism=self._mechanism.name,
            scale=self._up(self._deviation),
            noise=self._noise(),
            total=self._total(),
            rho_nano=rho_nano,
        )

    def tables(self, noisy: Sequence[int]) -> Iterator[ReleasedOutput]:
        """For each variant its six cells, and the log odds ratio that follows from them."""
        names = self._statistic.names
        shares = _parts(self._mechanism.rho_nano, len(names) // 2)
        for at, rho_nano in enumerate(shares):
            cells = noisy[at * CELLS : (at + 1) * CELLS]
            yield self.histogram(names[2 * at], CELL_NAMES, cells, rho_nano)
            yield _odds_ratio(names[2 * at + 1], cells, self._mechanism)

    def _bar(self, bar: str, noisy: int) -> Bar:
        value = (noisy * self._unit).quantize(self._places)
        error = Decimal(hypot(float(self._deviation), _binomial(noisy, self._plan.people) * float(self._unit)))
        noise, total = self._interval(value, self._noise_half, self._noise()), self._total_half(error)
        return Bar(
            category=bar,
            value=value,
            noise_low=noise.low,
            noise_high=noise.high,
            total_low=self._down(value - total),
            total_high=self._up(value + total),
            standard_error=self._up(error),
        )

    def _error(self, noisy: int) -> Decimal | None:
        """The standard error of noise and sampling together, where the sampling is known or stated."""
        spec, people = self._statistic.spec, self._plan.people
        if isinstance(spec, SumStatistic | MeanStatistic):
            if spec.spread is None:
                return None
            sampling = float(spec.spread) * sqrt(people) / self._statistic.divisor
        else:
            trials = people * (ALLELES_PER_PERSON if isinstance(spec, FrequenciesStatistic) else 1)
            counted = int(Decimal(noisy).scaleb(-self._statistic.clip.decimals))
            sampling = _binomial(counted, trials) / self._statistic.divisor
        return Decimal(hypot(float(self._deviation), sampling))

    def _noise(self) -> Cover:
        return Cover(level=Decimal(intervals.NOISE_LEVEL), covers=wording_statistic.covers_noise(self._statistic))

    def _total(self) -> Cover:
        return Cover(level=Decimal(intervals.TOTAL_LEVEL), covers=wording_statistic.covers_total(self._statistic))

    def _total_half(self, error: Decimal) -> Decimal:
        return Decimal(intervals.Z_TOTAL) * error + self._places

    def _interval(self, value: Decimal, half: Decimal, cover: Cover) -> Interval:
        low, high = self._down(value - half), self._up(value + half)
        return Interval(low=low, high=high, level=cover.level, covers=cover.covers)

    def _down(self, number: Decimal) -> Decimal:
        return number.quantize(self._places, ROUND_FLOOR)

    def _up(self, number: Decimal) -> Decimal:
        return number.quantize(self._places, ROUND_CEILING)


def _odds_ratio(name: str, cells: Sequence[int], mechanism: Mechanism) -> ReleasedValue:
    """The log odds ratio of one noisy table. It costs nothing more: the table is paid for."""
    found = log_odds_ratio(cells, mechanism.scale)
    places = Decimal(1).scaleb(Decimal(found.error).adjusted() - FINENESS)

    def interval(bounds: tuple[float, float], level: str, covers: str) -> Interval:
        low = Decimal(bounds[0]).quantize(places, ROUND_FLOOR)
        high = Decimal(bounds[1]).quantize(places, ROUND_CEILING)
        return Interval(low=low, high=high, level=Decimal(level), covers=covers)

    return ReleasedValue(
        name=name,
        value=Decimal(found.value).quantize(places),
        mechanism=f"{mechanism.name}, then arithmetic on the released table",
        scale=Decimal(repr(mechanism.scale)),
        noise_interval=interval(found.noise, intervals.NOISE_LEVEL, wording_statistic.covers_noise_of_odds_ratio()),
        total_interval=interval(found.total, intervals.TOTAL_LEVEL, wording_statistic.covers_total_of_odds_ratio()),
        standard_error=Decimal(found.error).quantize(places, ROUND_CEILING),
        rho_nano=0,
    )


def _binomial(noisy: int, trials: int) -> float:
    """Give the deviation of a binomial count; two are added on each side, so that 0 is not called certain.

    Agresti and Coull 1998.
    """
    share = (min(max(noisy, 0), trials) + 2) / (trials + 4)
    return sqrt(trials * share * (1 - share))
