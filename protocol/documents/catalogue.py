"""What a node tells in public about a dataset: a closed list of fields, nothing in it computed from people.

The registry keeps it and shows it, twins for rehearsals are made from it. Exact counts and a cohort's own frequencies
have no field here: they would be a release that nobody paid for.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from protocol.crypto.digest import sha256_hex
from protocol.documents.fields import Count, Country, Items, Line, OutputName, Positive, Record, Slug, Term
from protocol.documents.strict import canonical


class BudgetEntry(Record):
    """What is left of a dataset's budget for its lifetime, in nano-units of ρ: it follows from charges.

    It stands apart from the entry, whose digest twins are made from and which does not change with every job.
    """

    dataset: Slug
    rho_cap_nano: Positive
    rho_left_nano: Count


class CatalogueEntry(Record):
    """One dataset. `people` is the holder's rounded number, `slots` the public number of unit chambers."""

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

    @property
    def digest(self) -> str:
        """SHA-256 of its canonical JSON: by this a report of a rehearsal says what its twin was made from."""
        return sha256_hex(canonical(self.model_dump(mode="json")))

    def offers(self, columns: Iterable[str]) -> bool:
        """Say whether an algorithm finds its columns here; `dx_*` offers every diagnosis."""
        known = {name.lower() for name in (*self.columns, "person", "family")}
        wanted = {name.lower() for name in columns} - known
        return not wanted or ("dx_*" in known and all(name.startswith("dx_") for name in wanted))
