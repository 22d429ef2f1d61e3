"""How far noise alone will typically move each answer of an order: a root mean square in the answer's own unit.

For people who choose ρ on a page, from public facts only. The gate's own figures (`safeconduct algorithm accuracy`)
come from its mechanisms; these are the formulas behind them, and a test compares both. Noise has variance Δ²/(2ρ) for
a sum whose Δ is what replacing one unit can move it by (zCDP: Bun and Steinke 2016, Proposition 1.6). A median's
exponential mechanism moves it by ranks, Laplace with scale s = 1/√(2ρ); near the middle of k Normal values a rank is
about spread·√(2π)/k wide, and exponentially distributed: the variance is 2s² + 2s of such widths squared.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import hypot, pi, sqrt

from protocol.documents.algorithm import Algorithm, OutputSpec
from protocol.documents.amount import NANO
from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.expansion import ExpandedStatistic, expand_outputs, expand_statistics
from protocol.documents.job_order import OrderDraft
from protocol.documents.statistic import (
    FrequenciesStatistic,
    GenotypeTableStatistic,
    HistogramStatistic,
    MeanStatistic,
    SumStatistic,
)

ALLELES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is expected of one output or statistic: ``noise`` alone, and ``total`` with the sampling of people.

    ``noise`` is None for a vote, which has no error but is right or wrong; ``total`` where no spread is stated.
    """

    name: str
    noise: float | None
    total: float | None


def expected_noise(draft: OrderDraft, algorithm: Algorithm, entry: CatalogueEntry) -> tuple[Expected, ...]:
    """What to expect of every output, in order; the shares of ρ must be those of the order's outputs."""
    rho = {share.output: share.nano / NANO for share in draft.rho}
    if not algorithm.runs_image:
        found = expand_statistics(algorithm, draft.parameters)
        return tuple(_of_statistic(one, rho[one.spec.name], entry) for one in found)
    chambers = draft.blocks or entry.slots
    outputs = expand_outputs(algorithm, draft.parameters)
    return tuple(_of_output(one.name, one.spec, rho[one.name], chambers, entry) for one in outputs)


def _of_output(name: str, spec: OutputSpec, rho: float, chambers: int, entry: CatalogueEntry) -> Expected:
    spread = None if spec.spread is None else float(spec.spread)
    divisor = _divisor(spec.divide_by, entry)
    if spec.aggregator == "vote":
        return Expected(name=name, noise=None, total=None)
    if spec.aggregator == "median":
        return _of_median(name, spread, rho, chambers)
    if spec.range is None:  # a histogram: one bar loses a unit, another one gains it
        return Expected(name=name, noise=_noise(2, rho) / divisor, total=None)
    low, high, _ = spec.bounds
    if spec.range_per == "person":
        low, high = min(low, low * entry.maximum_family_size), max(high, high * entry.maximum_family_size)
    divisor *= chambers if spec.aggregator == "mean" else 1
    noise = _noise(float(high - low) ** 2, rho) / divisor
    return Expected(name=name, noise=noise, total=spread and hypot(noise, spread * sqrt(chambers) / divisor))


def _of_median(name: str, spread: float | None, rho: float, chambers: int) -> Expected:
    if spread is None:
        return Expected(name=name, noise=None, total=None)
    scale = 1 / sqrt(2 * rho)
    noise = sqrt(2 * scale * (scale + 1)) * spread * sqrt(2 * pi) / chambers
    return Expected(name=name, noise=noise, total=hypot(noise, spread * sqrt(pi / 2 / chambers)))


def _of_statistic(found: ExpandedStatistic, rho: float, entry: CatalogueEntry) -> Expected:
    spec = found.spec
    members = min(spec.members or entry.maximum_family_size, entry.maximum_family_size)
    divisor = _statistic_divisor(found, entry)
    noise = _noise(float(_squared(found, members)), rho) / divisor
    spread = getattr(spec, "spread", None)
    total = None if spread is None else hypot(noise, float(spread) * sqrt(entry.people) / divisor)
    return Expected(name=spec.name, noise=noise, total=total)


def _squared(found: ExpandedStatistic, members: int) -> Decimal:
    """The square of how far replacing one unit may move what is measured (DESIGN 7)."""
    spec, variants = found.spec, len(found.variants)
    match spec:
        case HistogramStatistic():
            return Decimal(2 * members**2)
        case GenotypeTableStatistic():
            return Decimal(2 * members**2 * variants)
        case FrequenciesStatistic():
            whole = Decimal(variants * (ALLELES * members) ** 2)
            return whole if spec.unit_bound is None else min(whole, 2 * spec.unit_bound**2)
        case SumStatistic():
            return _width_of_sum(spec, members) ** 2
        case MeanStatistic():
            half = members * (spec.range[1] - spec.range[0]) / 2
            return (2 * (half if spec.unit_bound is None else min(half, spec.unit_bound))) ** 2
        case _:
            return Decimal(members**2)


def _width_of_sum(spec: SumStatistic, members: int) -> Decimal:
    low, high = min(spec.range[0] * members, Decimal(0)), max(spec.range[1] * members, Decimal(0))
    if spec.unit_range is not None:
        low, high = max(low, spec.unit_range[0]), min(high, spec.unit_range[1])
    return high - low


def _statistic_divisor(found: ExpandedStatistic, entry: CatalogueEntry) -> int:
    match found.spec:
        case FrequenciesStatistic():
            return ALLELES * entry.people
        case MeanStatistic():
            return entry.people
        case GenotypeTableStatistic():
            return 1
        case spec:
            return _divisor(spec.divide_by, entry)


def _divisor(divide_by: str, entry: CatalogueEntry) -> int:
    return {"none": 1, "people": entry.people, "alleles": ALLELES * entry.people}[divide_by]


def _noise(squared: float, rho: float) -> float:
    return sqrt(squared / (2 * rho))
