"""The closed list of what a node may say about a dataset: public facts, nothing computed from people."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from protocol.documents.fields import Count, Country, Items, Line, OutputName, Positive, Record, Slug, Term
from protocol.errors import Refused
from registry.domain.limits import DATASETS_PER_NODE


class CatalogueEntry(Record):
    """One dataset. `people` is the holder's rounded number; exact counts and frequencies have no field here."""

    dataset: Slug
    snapshot: Slug
    country: Country
    assembly: Line
    people: Positive
    slots: Positive
    unit: Literal["person", "family"]
    maximum_family_size: Positive
    columns: Items[Line]
    sites: Count | None
    variants: Annotated[tuple[OutputName, ...], Field(strict=False, max_length=100_000)] = ()
    duo: Items[Term]


class Catalogue(Record):
    """Everything a node offers."""

    datasets: Annotated[tuple[CatalogueEntry, ...], Field(strict=False, max_length=DATASETS_PER_NODE)]

    @model_validator(mode="after")
    def _check(self) -> "Catalogue":
        if len({entry.dataset for entry in self.datasets}) != len(self.datasets):
            raise Refused("catalogue-duplicate", "The catalogue names one dataset twice. Name each once.")
        return self
