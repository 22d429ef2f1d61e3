"""Measure statistics on a snapshot: trusted code, one pass over columns, whole numbers from the first to the last.

1. A person's contribution is a whole number (fixed point) that depends on that person alone.
2. Of a unit, the first `members` who are selected count, in the order of their names, which are keyed hashes.
3. A unit's contribution is clipped as a whole; then units are added up. Sums are of 64-bit whole numbers: exact,
   and the same in every order.
4. Whoever lacks a value or a genotype contributes nothing; an empty selection measures 0 like any other.

So replacing one unit moves the measured vector by no more than the plan says (`sandbox/domain/statistic.py`); a test
replaces units, also by nothing, and measures it. What is measured here is exact: it goes to the gate and nowhere else.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from protocol.documents.statistic import (
    GENOTYPES,
    Condition,
    CountStatistic,
    FrequenciesStatistic,
    GenotypeTableStatistic,
    HistogramStatistic,
    MeanStatistic,
    SumStatistic,
)
from sandbox.data.genotype import DOSAGE, TEXT, Codes
from sandbox.data.people import Mask, Numbers, People, open_people, public_column
from sandbox.data.snapshot import read_info, read_sites
from sandbox.data.stage import check_variant
from sandbox.domain.dataset import Column, Kind, check_columns
from sandbox.domain.statistic import CELLS, StatisticPlan, variants_of
from sandbox.errors import Refused

_WHOLE: Final[npt.NDArray[np.bool_]] = np.array(["." not in text for text in TEXT])  # no allele is missing
_CASE, _CONTROL, _NEITHER = 0, 1, -1


def check_request(snapshot_dir: Path, plans: tuple[StatisticPlan, ...]) -> None:
    """Refuse what the dataset cannot offer, before the charge: only the site list and the declared columns are read.

    Codes: `variant-unknown`, `variant-ambiguous`, `column-unknown`; `column-kind`, where numbers are asked of a column
    of categories, categories of a column of numbers, or a category that is not on the column's public list; and
    `sites-unlisted`, for tables of a dataset without a public site list: whether a site is there, and with it
    everybody's reference calls, depends on a single carrier.
    """
    info = read_info(snapshot_dir)
    for plan in plans:
        check_columns(info.column_names, sorted(plan.spec.columns()))
        for name, values in _categories_read(plan):
            _check_categories(public_column(info.columns, name), name, values)
        for name in _numbers_read(plan):
            if public_column(info.columns, name).kind is not Kind.NUMBER:
                raise Refused("column-kind", f"Column {name!r} of the dataset holds categories, not numbers.")
        if info.public_sites is None and isinstance(plan.spec, GenotypeTableStatistic):
            raise Refused("sites-unlisted", "The dataset has no public site list; it offers allele frequencies only.")
    wanted = variants_of(plans)
    sites = read_sites(snapshot_dir)[0] if wanted and info.public_sites is not None else None
    for name in wanted:
        check_variant(name, sites)


def _conditions(plan: StatisticPlan) -> tuple[Condition, ...]:
    spec = plan.spec
    groups = (*spec.cases, *spec.controls) if isinstance(spec, GenotypeTableStatistic) else ()
    return (*spec.where, *groups)


def _categories_read(plan: StatisticPlan) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield from ((condition.column, condition.values) for condition in _conditions(plan) if condition.values)
    if isinstance(plan.spec, HistogramStatistic) and plan.spec.categories:
        yield plan.spec.column, plan.spec.categories


def _numbers_read(plan: StatisticPlan) -> Iterator[str]:
    yield from (condition.column for condition in _conditions(plan) if not condition.values)
    spec = plan.spec
    if isinstance(spec, SumStatistic | MeanStatistic) or (isinstance(spec, HistogramStatistic) and spec.edges):
        yield spec.column


def _check_categories(column: Column, name: str, values: Iterable[str]) -> None:
    if column.kind is not Kind.CATEGORY:
        raise Refused("column-kind", f"Column {name!r} of the dataset holds numbers; ask for bounds, not categories.")
    for value in values:
        if value not in column.categories:
            listed = ", ".join(column.categories)
            raise Refused("column-kind", f"Column {name!r} has no category {value!r}; it has {listed}.")


def measure_all(snapshot_dir: Path, plans: tuple[StatisticPlan, ...]) -> list[Numbers]:
    """The exact numbers of each statistic of an order that passed `check_request`."""
    columns = {name for plan in plans for name in plan.spec.columns()}
    people = open_people(snapshot_dir, columns, genotypes=bool(variants_of(plans)))
    return [measure(people, plan) for plan in plans]


def measure(people: People, plan: StatisticPlan) -> Numbers:
    """The exact numbers of one statistic, in fixed point: `plan.measured` of them, for the gate alone."""
    spec, selected = plan.spec, people.fulfil(plan.spec.where)
    match spec:
        case CountStatistic():
            return np.array([np.count_nonzero(people.first(selected, plan.members))], dtype=np.int64)
        case SumStatistic() | MeanStatistic():
            return _sum(people, plan, spec.column, selected)
        case HistogramStatistic():
            return _histogram(people, plan, spec, selected)
        case FrequenciesStatistic():
            return _frequencies(people, plan, selected)
        case GenotypeTableStatistic():
            return _table(people, plan, spec, selected)


def _sum(people: People, plan: StatisticPlan, column: str, selected: Mask) -> Numbers:
    """Fixed-point values, clipped for each person and then for each unit; for a mean, around the middle."""
    clip, step = plan.clip, 10.0**plan.clip.decimals
    values = people.numbers(column)
    kept = people.first(selected & ~np.isnan(values), plan.members)
    low, high = clip.middle + clip.person_low, clip.middle + clip.person_high
    near = np.clip(np.where(kept, values, 0), low / step, high / step)  # so that no number is too large for 64 bits
    whole = np.clip(np.rint(near * step).astype(np.int64), low, high) - clip.middle
    units = people.per_unit(np.where(kept, whole, 0))
    return np.array([np.clip(units, clip.low, clip.high).sum()], dtype=np.int64)


def _histogram(people: People, plan: StatisticPlan, spec: HistogramStatistic, selected: Mask) -> Numbers:
    bars = _bars(people, spec) if spec.edges else people.places(spec.column, spec.categories)
    kept = people.first(selected & (bars >= 0), plan.members)
    return np.bincount(bars[kept], minlength=plan.measured).astype(np.int64)


def _bars(people: People, spec: HistogramStatistic) -> Numbers:
    """Between which edges everybody's number lies; -1 for no number, and for one outside."""
    values, edges = people.numbers(spec.column), np.array([float(edge) for edge in spec.edges])
    bars = np.searchsorted(edges, values, side="right") - 1
    return np.where(np.isnan(values) | (values >= edges[-1]), -1, bars)


def _frequencies(people: People, plan: StatisticPlan, selected: Mask) -> Numbers:
    kept = people.first(selected, plan.members)
    if plan.clip.length is not None:
        return _shortened(people, plan, kept, plan.clip.length)
    counts = ((DOSAGE[people.row(name)] * kept).sum(dtype=np.int64) for name in plan.variants)
    return np.fromiter(counts, dtype=np.int64, count=plan.measured)


def _shortened(people: People, plan: StatisticPlan, kept: Mask, length: int) -> Numbers:
    """Scale each unit's vector of counts to the allowed length, rounded down; two passes instead of a matrix."""
    step = 10**plan.clip.decimals
    squares = np.zeros(len(people.starts), dtype=np.int64)
    for name in plan.variants:
        squares += _unit_counts(people, kept, name) ** 2
    longest = _root_up(squares)
    fits = longest * step <= length
    factor, divisor = np.where(fits, step, length), np.where(fits, 1, longest)
    totals = ((_unit_counts(people, kept, name) * factor // divisor).sum() for name in plan.variants)
    return np.fromiter(totals, dtype=np.int64, count=plan.measured)


def _unit_counts(people: People, kept: Mask, name: str) -> Numbers:
    return people.per_unit((DOSAGE[people.row(name)] * kept).astype(np.int64))


def _root_up(squares: Numbers) -> Numbers:
    """The square root, rounded up, exactly: a length is never taken to be shorter than it is."""
    roots = np.sqrt(squares).astype(np.int64)
    roots += roots * roots < squares
    return roots


def _table(people: People, plan: StatisticPlan, spec: GenotypeTableStatistic, selected: Mask) -> Numbers:
    """Six cells for each variant: cases, then controls, with no, one and two ALT alleles."""
    cases, controls = people.fulfil(spec.cases), people.fulfil(spec.controls)
    group = np.where(cases, _CASE, np.where(controls, _CONTROL, _NEITHER))
    kept = people.first(selected & (group != _NEITHER), plan.members)
    return np.concatenate([_cells(people.row(name)[kept], group[kept]) for name in plan.variants])


def _cells(codes: Codes, group: Numbers) -> Numbers:
    called = _WHOLE[codes]
    return np.bincount(group[called] * GENOTYPES + DOSAGE[codes[called]], minlength=CELLS).astype(np.int64)
