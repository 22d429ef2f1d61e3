"""Untrusted bytes become a matrix of clamped fixed-point integers, and nothing else (steps 12 and 13).

Rules. A chamber's bytes are strict UTF-8 JSON: one flat object with exactly the declared names, each once, each a
finite number (a whole one for counts), or exactly one of the declared categories as text, which becomes its place in
their list. The parser keeps the last of several equal names; but names and categories hold no quotation marks, so that
a text with exactly two for each of them has no room for another name. Anything else gives the declared defaults for the
whole chamber: it is never an error, never counted, never logged, since the number of bad chambers is itself a function
of the data. Clamping is done in integers, so that the sensitivity holds however a float was rounded on the way.
"""

from collections.abc import Sequence
from math import isfinite
from typing import TypeGuard

import numpy as np
import numpy.typing as npt
from pydantic_core import from_json

from sandbox.domain.plan import GatePlan, OutputPlan
from sandbox.errors import GateBroken

WHOLE_MAXIMUM = 2**53  # larger whole numbers have no exact float, and no honest program needs them

Row = list[float]
Column = npt.NDArray[np.int64]


def read_columns(plan: GatePlan, untrusted_outputs: Sequence[bytes | None]) -> list[Column]:
    """Give, per output, the clamped fixed-point value of each chamber in order; defaults stand in for bad chambers."""
    if len(untrusted_outputs) != plan.blocks:
        raise GateBroken("gate-length", f"{len(untrusted_outputs)} chambers were collected, {plan.blocks} were planned")
    reader = Reader(plan)
    rows = [reader.read(raw) for raw in untrusted_outputs]
    matrix = np.array([reader.blank if row is None else row for row in rows], dtype=np.float64)
    bad = np.array([row is None for row in rows])
    return [_fix(output, matrix[:, i], bad) for i, output in enumerate(plan.outputs)]


def _fix(output: OutputPlan, values: npt.NDArray[np.float64], bad: npt.NDArray[np.bool_]) -> Column:
    """Scale to fixed point and clamp: first as floats, so that no cast overflows, then exactly as integers."""
    near = np.clip(values, float(output.low), float(output.high))
    scaled = np.rint(near * 10.0**output.decimals).astype(np.int64)
    clamped = np.clip(scaled, output.fixed(output.low), output.fixed(output.high))
    return np.where(bad, np.int64(output.fixed(output.default)), clamped)


class Reader:
    """Reads one chamber's bytes after another against the names of one plan."""

    def __init__(self, plan: GatePlan) -> None:
        self.blank: Row = [0.0] * len(plan.outputs)
        self._names = tuple(output.name for output in plan.outputs)
        self._known = frozenset(self._names)
        self._whole = tuple(output.whole for output in plan.outputs)
        self._any_whole = any(self._whole)
        self._places = tuple({c: float(i) for i, c in enumerate(output.categories)} for output in plan.outputs)
        self._any_categories = any(self._places)
        self._quotation_marks = 2 * (len(self._names) + sum(map(bool, self._places)))
        self._limit = plan.output_bytes

    def read(self, untrusted: bytes | None) -> Row | None:
        """Give the numbers in the order of the plan, or None for whatever is not exactly what was declared."""
        if untrusted is None or len(untrusted) > self._limit or untrusted.count(b'"') != self._quotation_marks:
            return None
        try:
            found = from_json(untrusted, allow_inf_nan=False)
        except ValueError:
            return None
        return self._row(found) if type(found) is dict else None

    def _row(self, found: dict[str, object]) -> Row | None:
        row = self._in_order(found)
        if row is not None and self._any_categories:
            row = self._with_places(row)
        numbers = None if row is None else _numbers(row)
        return numbers if numbers is not None and self._whole_where_due(numbers) else None

    def _in_order(self, found: dict[str, object]) -> list[object] | None:
        if tuple(found) == self._names:
            return list(found.values())
        return [found[name] for name in self._names] if found.keys() == self._known else None

    def _with_places(self, row: list[object]) -> list[object] | None:
        """Give the row with each category as its place; None if anything else stands where a category is due."""
        for column, places in enumerate(self._places):
            if places:
                named = row[column]
                if type(named) is not str or named not in places:
                    return None
                row[column] = places[named]
        return row

    def _whole_where_due(self, row: Row) -> bool:
        return not self._any_whole or all(
            not whole or value.is_integer() for whole, value in zip(self._whole, row, strict=True)
        )


def _numbers(row: list[object]) -> Row | None:
    """Give the row if it holds finite floats and whole numbers of bearable size alone; true and false are neither."""
    if _are_floats(row):
        return row if all(map(isfinite, row)) else None  # 1e999 is read as infinity
    return [float(value) for value in row if _is_bearable(value)] if all(map(_is_bearable, row)) else None


def _are_floats(row: list[object]) -> TypeGuard[Row]:
    return set(map(type, row)) == {float}


def _is_bearable(value: object) -> TypeGuard[float]:
    if type(value) is int:
        return -WHOLE_MAXIMUM <= value <= WHOLE_MAXIMUM
    return type(value) is float and isfinite(value)
