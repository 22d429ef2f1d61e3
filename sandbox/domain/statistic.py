"""The plan of a statistic: what trusted code measures of each unit, and how far one unit can move what is released.

Rules (DESIGN 7). Everything that a unit contributes is a function of that unit and of public numbers, clipped as a
whole; an absent unit contributes 0. So replacing one unit (or its removal, or its arrival) moves the vector of measured
numbers by at most the distance of two vectors that the clipping allows: `sensitivity_squared`, in fixed-point units.

====================  =====================================  =========================================================
statistic             a unit contributes                     squared distance of two contributions
====================  =====================================  =========================================================
count                 0 to m                                 m^2
sum                   l to u, with l <= 0 <= u               (u - l)^2
mean                  -c to c, around the middle             (2 c)^2
histogram             whole numbers >= 0 that add up to m    2 m^2
                      or less
allele_frequencies    for d variants 0 to 2m each, of        min(d (2m)^2, 2 c^2): vectors without negative numbers
                      length c or less                       are at most sqrt(2) c apart
genotype_table        for d variants six whole numbers that  2 m^2 d
                      add up to m or less
====================  =====================================  =========================================================

m is the number of members that count: what the spec says, and never more than the signed largest family. The numbers
of one statistic get their noise together and have one share of rho.

Refused here, with codes of `plan_checks`: `gate-outputs`, `gate-too-many-outputs`, `gate-share`, `gate-interval`,
`gate-range`, `gate-statistic-time`.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import isqrt

from protocol.documents.algorithm import Algorithm
from protocol.documents.expansion import ExpandedStatistic, expand_statistics
from protocol.documents.job_order import JobOrder
from protocol.documents.statistic import (
    GENOTYPES,
    GROUPS,
    FrequenciesStatistic,
    GenotypeTableStatistic,
    HistogramStatistic,
    MeanStatistic,
    StatisticSpec,
    SumStatistic,
)
from sandbox.domain import plan_checks as checks
from sandbox.domain.dataset import DatasetFacts

STEPS_EXPONENT = 6  # a range is divided into at least 10^6 fixed-point steps
CELLS = len(GROUPS) * GENOTYPES
ALLELES_PER_PERSON = 2
OPENING_MILLISECONDS = 2_000
PEOPLE_PER_MILLISECOND = 20_000  # of whom one variant is read
PER_OUTPUT = 5  # milliseconds: noise and the interval of an odds ratio
PER_COLUMN = 20  # reading a column takes as long as so many variants


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """The bounds of what one unit contributes, in fixed-point units of 10^-decimals.

    `middle` is taken from each person's value first; the values of persons lie in [person_low, person_high] after
    that, the sum of a unit's in [low, high]. `length` bounds the Euclidean length of a unit's vector of counts.
    """

    decimals: int = 0
    middle: int = 0
    person_low: int = 0
    person_high: int = 1
    low: int = 0
    high: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticPlan:
    """One statistic of an order.

    `names` are those of the released outputs, `measured` is how many numbers are measured for them and get noise
    together, each from `lowest` to `highest`; a unit's `members` count, its contribution is clipped by `clip`.
    `divisor` is public.
    """

    spec: StatisticSpec
    names: tuple[str, ...]
    variants: tuple[str, ...]
    members: int
    measured: int
    clip: Clip
    lowest: int
    highest: int
    sensitivity_squared: int
    rho_nano: int
    divisor: int


def plan_statistics(algorithm: Algorithm, order: JobOrder, facts: DatasetFacts) -> tuple[StatisticPlan, ...]:
    """Plan every statistic of an order from public facts alone, or refuse the order."""
    expanded = expand_statistics(algorithm, order.parameters)
    names = [name for statistic in expanded for name in statistic.names]
    checks.check_names([one.spec.name for one in expanded], [share.output for share in order.rho])
    checks.check_number_of_outputs(len(names))
    for share in order.rho:
        checks.check_no_interval(share.output, share.interval_nano)
    shares = {share.output: share.nano for share in order.rho}
    plans = tuple(_plan(one, shares[one.spec.name], facts) for one in expanded)
    checks.check_reading_time(reading_milliseconds(plans, facts.people))
    return plans


def variants_of(plans: tuple[StatisticPlan, ...]) -> tuple[str, ...]:
    """Every variant that some statistic reads, each once."""
    return tuple(dict.fromkeys(variant for plan in plans for variant in plan.variants))


def reading_milliseconds(plans: tuple[StatisticPlan, ...], people: int) -> int:
    """The time to reserve for measuring these statistics of so many people: public numbers, and a generous machine."""
    columns = sum(len(plan.spec.columns()) for plan in plans)
    variants = sum(len(plan.variants) * (1 if plan.clip.length is None else 2) for plan in plans)
    reading = people * (PER_COLUMN * columns + variants) // PEOPLE_PER_MILLISECOND
    return OPENING_MILLISECONDS + reading + PER_OUTPUT * sum(len(plan.names) for plan in plans)


def _plan(expanded: ExpandedStatistic, rho_nano: int, facts: DatasetFacts) -> StatisticPlan:
    spec, variants = expanded.spec, len(expanded.variants)
    checks.check_share(spec.name, rho_nano)
    members = min(spec.members or facts.maximum_family_size, facts.maximum_family_size)
    clip = _clip(spec, members, variants)
    squared = _sensitivity_squared(spec, clip, members, variants)
    most = max(abs(clip.low), abs(clip.high), isqrt(squared))
    checks.check_width(spec.name, -most, most, facts.slots)
    return StatisticPlan(
        spec=spec,
        names=expanded.names,
        variants=expanded.variants,
        members=members,
        measured=_measured(spec, variants),
        clip=clip,
        lowest=clip.low * facts.slots,
        highest=clip.high * facts.slots,
        sensitivity_squared=squared,
        rho_nano=rho_nano,
        divisor=_divisor(spec, facts.people),
    )


def _measured(spec: StatisticSpec, variants: int) -> int:
    match spec:
        case HistogramStatistic():
            return len(spec.bars())
        case FrequenciesStatistic():
            return variants
        case GenotypeTableStatistic():
            return CELLS * variants
        case _:
            return 1


def _divisor(spec: StatisticSpec, people: int) -> int:
    match spec:
        case FrequenciesStatistic():
            return ALLELES_PER_PERSON * people
        case MeanStatistic():
            return people
        case GenotypeTableStatistic():
            return 1
        case _:
            return people if spec.divide_by == "people" else 1


def _clip(spec: StatisticSpec, members: int, variants: int) -> Clip:
    match spec:
        case SumStatistic():
            return _clip_of_sum(spec, members)
        case MeanStatistic():
            return _clip_of_mean(spec, members)
        case FrequenciesStatistic():
            return _clip_of_frequencies(spec, members, variants)
        case _:
            return Clip(high=members)


def _clip_of_sum(spec: SumStatistic, members: int) -> Clip:
    (low, high), unit = spec.range, spec.unit_range or ()
    decimals = _decimals(low, high, *unit)
    bounds = (min(low * members, Decimal(0)), max(high * members, Decimal(0)))
    if unit:
        bounds = (max(bounds[0], unit[0]), min(bounds[1], unit[1]))
    fixed = [_fixed(number, decimals) for number in (low, high, *bounds)]
    return Clip(decimals=decimals, person_low=fixed[0], person_high=fixed[1], low=fixed[2], high=fixed[3])


def _clip_of_mean(spec: MeanStatistic, members: int) -> Clip:
    (low, high), bound = spec.range, spec.unit_bound
    decimals = _decimals(low, high, *(() if bound is None else (bound,))) + 1  # one more: the middle is exact
    half = _fixed((high - low) / 2, decimals)
    widest = half * members
    most = widest if bound is None else min(_fixed(bound, decimals), widest)
    middle = _fixed((low + high) / 2, decimals)
    return Clip(decimals=decimals, middle=middle, person_low=-half, person_high=half, low=-most, high=most)


def _clip_of_frequencies(spec: FrequenciesStatistic, members: int, variants: int) -> Clip:
    """Without a bound, or with one that clips nobody, allele counts stay whole numbers."""
    most = ALLELES_PER_PERSON * members
    if spec.unit_bound is None or spec.unit_bound**2 >= most**2 * variants:
        return Clip(high=most)
    length = _fixed(spec.unit_bound, STEPS_EXPONENT)
    return Clip(decimals=STEPS_EXPONENT, high=min(_fixed(Decimal(most), STEPS_EXPONENT), length), length=length)


def _sensitivity_squared(spec: StatisticSpec, clip: Clip, members: int, variants: int) -> int:
    match spec:
        case HistogramStatistic():
            return 2 * members**2
        case GenotypeTableStatistic():
            return 2 * members**2 * variants
        case FrequenciesStatistic():
            apart = (clip.high - clip.low) ** 2 * variants
            return apart if clip.length is None else min(apart, 2 * clip.length**2)
        case _:
            return (clip.high - clip.low) ** 2


def _decimals(low: Decimal, high: Decimal, *others: Decimal) -> int:
    """Choose the fixed point: at least a million steps over the range, and every stated number is exact."""
    needed = max(checks.decimals_of(number) for number in (low, high, *others))
    return max(needed, STEPS_EXPONENT - (high - low).adjusted(), 0)


def _fixed(number: Decimal, decimals: int) -> int:
    """Give a number in units of 10^-decimals, rounded towards 0: a bound never grows."""
    return int(number.scaleb(decimals))
