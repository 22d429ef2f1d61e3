"""What a dataset is to everybody but its own node: public facts, and the view that an order asks for.

Rules (DESIGN 7, 12):

1. `DatasetFacts` holds public facts only. The number of people is the holder's rounded number, the number of slots is
   chosen by the holder, the snapshot's name is random. The exact number of people never leaves the node: a change in
   it would show a withdrawal.
2. What an order asks for is checked against public facts alone, before the charge. So a refusal says nothing about
   the data.
3. The privacy unit is fixed for a lineage. A unit counts at most `maximum_family_size` members.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sandbox.errors import Refused

DIAGNOSIS_PREFIX: Final = "dx_"
ANY_DIAGNOSIS: Final = "dx_*"
ALWAYS: Final = ("person", "family")
_RESERVED: Final = frozenset({*ALWAYS, "sex", "age"})
_COLUMN_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,49}")
_DIAGNOSIS_CODE: Final = re.compile(r"[0-9A-Za-z]{2,20}")


class Unit(StrEnum):
    """The privacy unit: whose entire history one release must not depend on."""

    PERSON = "person"
    FAMILY = "family"


class Kind(StrEnum):
    """How a column is written into a block."""

    NUMBER = "number"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the subjects table, declared by the data holder before any value is read.

    `categories` is the public list of a category; a value outside it is refused at ingest. `decimals` is how many
    places of a number are kept. Neither is ever taken from the cohort.
    """

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    decimals: int = 0

    def __post_init__(self) -> None:
        if not _COLUMN_NAME.fullmatch(self.name) or self.name in _RESERVED or self.name.startswith(DIAGNOSIS_PREFIX):
            raise ValueError(f"{self.name!r} cannot be the name of a declared column")
        if self.kind is Kind.CATEGORY and not self.categories:
            raise ValueError(f"column {self.name} needs its public list of categories")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFacts:
    """The public facts of one dataset version: all that plans, refusals and catalogues may depend on.

    people: the holder's rounded number of people (N_pub), the divisor of means and frequencies.
    slots: the public number of unit chambers, at least the number of units.
    columns: names that an order may ask for; `dx_*` stands for every ICD-10 code.
    sites: the number of sites on the public list, or None when there is no list.
    assumptions: sentences that every release repeats.
    """

    dataset: str
    lineage: str
    snapshot: str
    people: int
    slots: int
    unit: Unit
    maximum_family_size: int
    columns: tuple[str, ...]
    sites: int | None
    duo: tuple[str, ...]
    country: str
    assembly: str
    assumptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("people", self.people), ("slots", self.slots), ("family size", self.maximum_family_size)):
            if value < 1:
                raise ValueError(f"{name} of dataset {self.dataset} must be at least 1, not {value}")
        if self.unit is Unit.PERSON and self.maximum_family_size != 1:
            raise ValueError(f"dataset {self.dataset} protects persons: its maximum family size must be 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """Which view of a snapshot the chambers of one order see.

    chambers: the number of blocks k (mode `block`) or the public number of slots (mode `unit`).
    variants: names from the public site list or CHROM:POS:REF:ALT; None asks for every site, () for none.
    columns: permitted columns beside `person` and `family`, which are always there as pseudonyms.
    """

    mode: str
    chambers: int
    variants: tuple[str, ...] | None
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.mode not in ("block", "unit"):
            raise ValueError(f"no staging for release mode {self.mode!r}")
        if self.chambers < 1:
            raise ValueError("a stage plan needs at least one chamber")


def diagnosis_column(code: str) -> str:
    """Return the column name of an ICD-10 code: `dx_` and the code in capitals without its point (E11.9, dx_E119)."""
    return DIAGNOSIS_PREFIX + code.upper().replace(".", "")


def check_columns(offered: Iterable[str], requested: Iterable[str]) -> None:
    """Refuse a column that a dataset's public facts do not offer (code `column-unknown`)."""
    names = tuple(offered)
    known = {name.lower() for name in (*names, *ALWAYS)}
    for name in requested:
        if name.lower() not in known and not (ANY_DIAGNOSIS in known and is_diagnosis(name)):
            raise Refused("column-unknown", f"The dataset has no column {name!r}; it has {', '.join(names)}.")


def is_diagnosis(column: str) -> bool:
    """Tell whether a column name is that of a diagnosis code."""
    head, rest = column[: len(DIAGNOSIS_PREFIX)], column[len(DIAGNOSIS_PREFIX) :]
    return head.lower() == DIAGNOSIS_PREFIX and _DIAGNOSIS_CODE.fullmatch(rest) is not None


def catalogue_entry(facts: DatasetFacts, variants: tuple[str, ...] = ()) -> dict[str, object]:
    """Return the closed list of fields that the registry's catalogue may hold; nothing in it is computed from people.

    `variants` are names from the public site list. A cohort's own frequencies or exact counts have no place here: they
    would be a release that nobody paid for.
    """
    return {
        "dataset": facts.dataset,
        "snapshot": facts.snapshot,
        "country": facts.country,
        "assembly": facts.assembly,
        "people": facts.people,
        "slots": facts.slots,
        "unit": facts.unit.value,
        "maximum_family_size": facts.maximum_family_size,
        "columns": list(facts.columns),
        "sites": facts.sites,
        "variants": list(variants),
        "duo": list(facts.duo),
    }
