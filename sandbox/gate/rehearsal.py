"""What the gate does with each chamber's bytes, told openly: for rehearsals on synthetic data.

On real data the gate turns whatever it cannot read into defaults and never says so. Here the same reader decides, and
`why_unreadable` explains its decision to the author; where the two ever differed the reader would be right.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any

import numpy as np

from sandbox.domain.plan import GatePlan, OutputPlan
from sandbox.gate.accuracy import ExpectedError, expected_error
from sandbox.gate.parse import WHOLE_MAXIMUM, Column, Reader, read_columns

_SHOWN = 60  # characters of an untrusted value that an explanation quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFindings:
    """What the chambers said about one output: those read, those outside the range, and their spread before clamping.

    `noiseless` is what would be released without noise, `ends` the least and the greatest value. `expected` and
    `spread` are None where they mean nothing, or where fewer than two chambers were read.
    """

    output: OutputPlan
    read: int
    clamped: int
    spread: float | None
    ends: tuple[float, float] | None
    noiseless: str
    expected: ExpectedError | None


def is_readable(plan: GatePlan, untrusted: bytes) -> bool:
    """Tell whether the gate reads these bytes of a chamber, or takes its defaults instead."""
    return Reader(plan).read(untrusted) is not None


def explore(plan: GatePlan, untrusted_outputs: Sequence[bytes | None]) -> tuple[OutputFindings, ...]:
    """Say for each output what the chambers gave and what the gate would make of it without noise."""
    reader = Reader(plan)
    rows = [row for row in map(reader.read, untrusted_outputs) if row is not None]
    columns = read_columns(plan, untrusted_outputs)
    return tuple(
        _findings(plan, output, [row[at] for row in rows], columns[at]) for at, output in enumerate(plan.outputs)
    )


def _findings(plan: GatePlan, output: OutputPlan, values: Sequence[float], column: Column) -> OutputFindings:
    numeric = output.aggregator in ("median", "mean", "sum", "count")
    return OutputFindings(
        output=output,
        read=len(values),
        clamped=sum(not float(output.low) <= value <= float(output.high) for value in values),
        spread=float(np.std(values, ddof=1)) if numeric and len(values) > 1 else None,
        ends=(min(values), max(values)) if numeric and values else None,
        noiseless=_noiseless(plan, output, column),
        expected=expected_error(plan, output),
    )


def _noiseless(plan: GatePlan, output: OutputPlan, column: Column) -> str:
    unit = Decimal(1).scaleb(-output.decimals)
    if output.aggregator == "median":
        return format(Decimal(float(np.median(column))) * unit, ".6g")
    if output.aggregator in ("mean", "sum", "count"):
        divisor = output.divisor * (plan.blocks if output.aggregator == "mean" else 1)
        return format(Decimal(int(column.sum())) * unit / divisor, ".6g")
    counts = np.bincount(column, minlength=len(output.categories)).tolist()
    if output.aggregator == "vote":
        return str(output.categories[counts.index(max(counts))])
    pairs = zip(output.categories, counts, strict=True)
    return ", ".join(f"{category} {format(Decimal(count) / output.divisor, '.6g')}" for category, count in pairs)


def why_unreadable(plan: GatePlan, untrusted: bytes) -> tuple[str, str]:
    """Give a code and a sentence for bytes that the gate does not read; the first fault only."""
    if len(untrusted) > plan.output_bytes:
        return "output-too-large", f"{len(untrusted)} bytes are more than the {plan.output_bytes} that the spec allows"
    try:
        found = json.loads(untrusted.decode("utf-8", "strict"), object_pairs_hook=tuple)
    except UnicodeDecodeError as error:
        return "output-not-utf8", f"byte {error.start} is not UTF-8"
    except ValueError as error:
        return "output-not-json", f"it is not JSON: {error}"
    except RecursionError:
        return "output-not-json", "it is nested too deeply"
    if type(found) is not tuple or not all(type(pair) is tuple and len(pair) == 2 for pair in found):
        return "output-not-object", "it is not one flat JSON object of names and values"
    return _wrong_names(plan, [name for name, _ in found]) or _wrong_values(plan, dict(found))


def _wrong_names(plan: GatePlan, names: list[Any]) -> tuple[str, str] | None:
    declared = [output.name for output in plan.outputs]
    if len(set(names)) != len(names):
        return "output-name-twice", f"{_quoted(next(one for one in names if names.count(one) > 1))} is there twice"
    if missing := [name for name in declared if name not in names]:
        return "output-missing", f"{_quoted(missing[0])} is declared and not there"
    if extra := [name for name in names if name not in declared]:
        return "output-undeclared", f"{_quoted(extra[0])} is there and not declared"
    return None


def _wrong_values(plan: GatePlan, found: dict[str, Any]) -> tuple[str, str]:
    for output in plan.outputs:
        value, categories = found[output.name], output.categories
        if categories:
            if value not in categories:
                return "output-category", f"{output.name} is {_quoted(value)}, which is not one of its categories"
        elif type(value) not in (int, float):
            return "output-not-number", f"{output.name} is {_quoted(value)}, which is not a number"
        elif (type(value) is int and abs(value) > WHOLE_MAXIMUM) or not isfinite(value):
            return "output-not-finite", f"{output.name} is {_quoted(value)}: not finite, or too large to be exact"
        elif output.whole and value != int(value):
            return "output-not-whole", f"{output.name} is {_quoted(value)}, and a count is a whole number"
    return "output-unreadable", "the gate does not read it"


def _quoted(untrusted: object) -> str:
    text = ascii(untrusted)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
