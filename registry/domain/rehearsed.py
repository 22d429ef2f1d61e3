"""What a rehearsal showed beside what was declared, and where its marks lie in a plot.

1. Declared are the outputs of the specification, written out for the report's parameters; observed are the report's.
2. A plot has one row for each number that is released within its declared range: the range is the axis, the released
   value a dot, the value without noise a tick, the expected error in all a band around it.
3. What lies outside of the range is drawn at its border, and the table beside the plot says the number.
4. Names and values are a node's text about a stranger's program; only numbers of ours go into the drawing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from protocol.documents.algorithm import Algorithm, OutputSpec
from protocol.documents.amount import write_nano
from protocol.documents.expansion import expand_outputs
from protocol.documents.rehearsal import Rehearsal, RehearsedOutput
from protocol.errors import Refused

WIDTH: Final = 640
ROWS_MOST: Final = 24
LISTED_MOST: Final = 500
_WITHIN: Final = frozenset({"median", "mean"})
_DIGITS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One output in the plot. Places are from 0 to WIDTH; `tick` is None where the value without noise is no number."""

    name: str
    low: str
    high: str
    dot: int
    tick: int | None
    band: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """One report in a committee's terms.

    unseen, undeclared: outputs that are declared and were not observed, and the other way round. failures: why chambers
    gave nothing, each code with how many. chambers: where good, failed and empty ones end in a bar of WIDTH.
    """

    report: Rehearsal
    asked: str
    price: str
    outputs: tuple[RehearsedOutput, ...]
    rho: tuple[str, ...]
    unseen: tuple[str, ...]
    undeclared: tuple[str, ...]
    failures: tuple[tuple[str, int], ...]
    failed: int
    chambers: tuple[int, int]
    rows: tuple[Row, ...]


def look_at(report: Rehearsal, algorithm: Algorithm) -> Rehearsed:
    """Return a report beside what its algorithm declares."""
    declared = _declared(report, algorithm)
    observed = {one.name: one for one in report.outputs}
    total = max(1, report.chambers)
    good, empty = report.chambers_good, report.chambers_empty
    failed = max(0, report.chambers - good - empty)
    return Rehearsed(
        report=report,
        asked=write_nano(report.rho_asked_nano),
        price=write_nano(report.price_nano),
        outputs=report.outputs[:LISTED_MOST],
        rho=tuple(write_nano(one.rho_nano) for one in report.outputs[:LISTED_MOST]),
        unseen=tuple(name for name in declared if name not in observed)[:LISTED_MOST],
        undeclared=tuple(name for name in observed if name not in declared)[:LISTED_MOST],
        failures=tuple(Counter(one.code for one in report.failures).most_common()),
        failed=failed,
        chambers=(WIDTH * good // total, WIDTH * (good + failed) // total),
        rows=tuple(_rows(declared, observed))[:ROWS_MOST],
    )


def _declared(report: Rehearsal, algorithm: Algorithm) -> dict[str, OutputSpec]:
    try:
        return {one.name: one.spec for one in expand_outputs(algorithm, report.parameters)}
    except Refused:  # the report's parameters do not fit: then nothing of it counts as declared
        return {}


def _rows(declared: dict[str, OutputSpec], observed: dict[str, RehearsedOutput]) -> Iterator[Row]:
    for name, spec in declared.items():
        seen = observed.get(name)
        value = _number(seen.value) if seen else None
        if seen is None or value is None or spec.range is None or spec.aggregator not in _WITHIN:
            continue
        low, high = spec.range
        plain = _number(seen.noiseless)
        around = plain if plain is not None else value
        yield Row(
            name=name,
            low=str(low),
            high=str(high),
            dot=_place(value, low, high),
            tick=None if plain is None else _place(plain, low, high),
            band=None
            if seen.total is None
            else (_place(around - abs(seen.total), low, high), _place(around + abs(seen.total), low, high)),
        )


def _place(value: Decimal, low: Decimal, high: Decimal) -> int:
    return int(min(Decimal(1), max(Decimal(0), (value - low) / (high - low))) * WIDTH)


def _number(untrusted: str) -> Decimal | None:
    try:
        found = Decimal(untrusted) if len(untrusted) <= _DIGITS else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() and abs(found.adjusted()) <= _DIGITS else None
