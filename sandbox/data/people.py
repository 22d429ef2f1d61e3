"""The people of a snapshot as columns, for statistics: those of one unit stand side by side, in the order of names.

Only the columns that are asked for are read. A column says what a chamber would read in `subjects.csv` (`stage`): a
category of a public list, a number, or 0 and 1 for a diagnosis; nothing is an empty text.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from protocol.documents.statistic import Condition
from sandbox.data.genotype import Codes
from sandbox.data.site import SiteList
from sandbox.data.snapshot import PEOPLE, open_genotypes, read_info
from sandbox.domain.dataset import DIAGNOSIS_PREFIX, Column, Kind, is_diagnosis

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_SEX: Final = Column(name="x", kind=Kind.CATEGORY, categories=("female", "male", "other", "unknown"))
_AGE: Final = Column(name="x", kind=Kind.NUMBER)
_DIAGNOSIS: Final = Column(name="x", kind=Kind.CATEGORY, categories=("0", "1"))
_ALWAYS: Final = {"sex": _SEX, "age": _AGE}


@dataclass(frozen=True, kw_only=True)
class People:
    """People, column by column. `table` has `slot` and what was asked for; `row` gives a variant's codes."""

    table: pa.Table
    columns: tuple[Column, ...]
    row: Callable[[str], Codes]

    @cached_property
    def starts(self) -> Numbers:
        """Where each unit begins. A unit in two places would count twice; a snapshot never has that."""
        slot = self.table["slot"].to_numpy()
        starts = np.flatnonzero(np.diff(slot, prepend=-1))
        if len(np.unique(slot)) != len(starts):
            raise RuntimeError("the people of one unit do not stand side by side in the snapshot")
        return starts

    def fulfil(self, conditions: Iterable[Condition]) -> Mask:
        """Who fulfils all of the conditions. Whoever has no value fulfils none."""
        found = np.full(len(self.table), True)
        for condition in conditions:
            found &= self._fulfil(condition)
        return found

    def _fulfil(self, condition: Condition) -> Mask:
        if condition.values:
            return self.places(condition.column, condition.values) >= 0
        numbers = self.numbers(condition.column)
        found: Mask = ~np.isnan(numbers)
        if condition.at_least is not None:
            found &= numbers >= float(condition.at_least)
        if condition.below is not None:
            found &= numbers < float(condition.below)
        return found

    def places(self, name: str, values: Iterable[str]) -> Numbers:
        """The place of everybody's category among some values; -1 for everybody else."""
        found = pc.index_in(self._texts(name), value_set=pa.array(list(values), pa.string()))
        return np.asarray(pc.fill_null(found, -1).to_numpy(), dtype=np.int64)

    def numbers(self, name: str) -> Floats:
        """A column as numbers; what is missing is not a number."""
        text = self._texts(name)
        there = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
        return np.asarray(pc.cast(there, pa.float64()).to_numpy(), dtype=np.float64)

    def _texts(self, name: str) -> pa.ChunkedArray:
        stored = stored_column(self.columns, name)
        return self.table[stored] if stored else self._has(name[len(DIAGNOSIS_PREFIX) :].upper())

    def _has(self, code: str) -> pa.ChunkedArray:
        """Who has a diagnosis: an ICD-10 code covers its sub-codes, a code of digits stands for itself alone."""
        listed = self.table["diagnoses"].combine_chunks()
        flat = pc.list_flatten(listed)
        matches = pc.equal(flat, code) if code[:1].isdigit() else pc.starts_with(flat, code)
        found = np.zeros(len(listed), dtype=bool)
        found[pc.list_parent_indices(listed).to_numpy()[matches.to_numpy(zero_copy_only=False)]] = True
        return pa.chunked_array([pa.array(np.where(found, "1", "0"), pa.string())])

    def first(self, selected: Mask, members: int) -> Mask:
        """Of each unit, the first so many who are selected."""
        before = np.cumsum(selected, dtype=np.int64) - selected
        sizes = np.diff(self.starts, append=len(selected))
        return selected & (before - np.repeat(before[self.starts], sizes) < members)

    def per_unit(self, values: Numbers) -> Numbers:
        """The sum over each unit's people."""
        return np.add.reduceat(values, self.starts) if len(values) else values


def open_people(snapshot_dir: Path, columns: Iterable[str], *, genotypes: bool) -> People:
    """Open these columns of a snapshot, whose names were checked, and its genotypes if they are read."""
    info = read_info(snapshot_dir)
    stored = {stored_column(info.columns, name) or "diagnoses" for name in columns}
    table = pq.read_table(snapshot_dir / PEOPLE, columns=["slot", *sorted(stored)])
    if not genotypes:
        return People(table=table, columns=info.columns, row=_no_variant)
    sites, rows, codes = open_genotypes(snapshot_dir, info)
    return People(table=table, columns=info.columns, row=lambda name: _row(sites, rows, codes, name))


def _no_variant(name: str) -> Codes:
    raise RuntimeError(f"variant {name} was not to be read")


def _row(sites: SiteList, rows: Numbers, genotypes: Codes, name: str) -> Codes:
    """The codes of a variant. Without a public list, a site that nobody carries is not there: no calls at all."""
    found = sites.find(name)
    return genotypes[rows[found[0]]] if found else np.zeros(genotypes.shape[1], dtype=np.uint8)


def stored_column(declared: Iterable[Column], name: str) -> str | None:
    """The snapshot's name of a column; None for a diagnosis, which is found among the codes."""
    if name.lower() in _ALWAYS:
        return name.lower()
    return next((f"value_{column.name}" for column in declared if column.name == name.lower()), None)


def public_column(declared: Iterable[Column], name: str) -> Column:
    """What is public about a column that the dataset has: its kind, and its list of categories."""
    found = _ALWAYS.get(name.lower()) or next((c for c in declared if c.name == name.lower()), None)
    if found is None and not is_diagnosis(name):
        raise RuntimeError(f"column {name} was not checked")
    return found or _DIAGNOSIS
