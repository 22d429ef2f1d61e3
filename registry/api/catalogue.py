"""What a node may say about its datasets: entries of the closed list of public fields, each dataset once."""

from typing import Annotated

from pydantic import Field, model_validator

from protocol.documents.catalogue import BudgetEntry, CatalogueEntry
from protocol.documents.fields import Record
from protocol.errors import Refused
from registry.domain.limits import DATASETS_PER_NODE


class Catalogue(Record):
    """Everything a node offers."""

    datasets: Annotated[tuple[CatalogueEntry, ...], Field(strict=False, max_length=DATASETS_PER_NODE)]

    @model_validator(mode="after")
    def _check(self) -> "Catalogue":
        if len({entry.dataset for entry in self.datasets}) != len(self.datasets):
            raise Refused("catalogue-duplicate", "The catalogue names one dataset twice. Name each once.")
        return self


class Budgets(Record):
    """What is left of the budget of each dataset."""

    budgets: Annotated[tuple[BudgetEntry, ...], Field(strict=False, max_length=DATASETS_PER_NODE)]

    @model_validator(mode="after")
    def _check(self) -> "Budgets":
        if len({entry.dataset for entry in self.budgets}) != len(self.budgets):
            raise Refused("catalogue-duplicate", "The budgets name one dataset twice. Name each once.")
        return self
