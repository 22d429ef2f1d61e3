"""A catalogue entry offers its columns, and its digest is that of its content."""

from typing import Any

import pytest

from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.strict import build


def entry(*columns: str, **changes: Any) -> CatalogueEntry:
    fields: dict[str, Any] = {
        "dataset": "cohort-fi", "snapshot": "s", "country": "FI", "assembly": "GRCh38", "people": 2000, "slots": 2000,
        "unit": "family", "maximum_family_size": 4, "columns": list(columns), "sites": None, "duo": [],
    }  # fmt: skip
    return build(CatalogueEntry, fields | changes)


@pytest.mark.parametrize(
    ("offered", "wanted", "found"),
    [
        (["sex", "age"], ["AGE"], True),
        (["sex"], ["age"], False),
        (["sex"], [], True),
        (["sex"], ["person", "family"], True),
        (["sex", "dx_*"], ["sex", "dx_E11"], True),
        (["sex", "dx_*"], ["bmi"], False),
        (["dx_E11"], ["dx_e11"], True),
        (["dx_E11"], ["dx_e10"], False),
    ],
)
def test_entry_offers_its_columns_and_pseudonyms(offered: list[str], wanted: list[str], found: bool) -> None:
    assert entry(*offered).offers(wanted) is found


def test_digest_changes_with_any_field() -> None:
    digests = {entry("sex").digest, entry("age").digest, entry("sex", people=3000).digest, entry("sex").digest}

    assert len(digests) == 3
