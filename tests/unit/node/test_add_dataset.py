"""Offering a dataset: public facts by a person's choice, one lineage for all versions, and nothing half-written."""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.actions.add_dataset import NewDataset, Shelf, add_dataset
from sandbox.cli.columns import read_columns
from sandbox.domain.dataset import Column, Kind, Unit
from sandbox.errors import BadInput
from sandbox.store.dataset import list_datasets, read_snapshot


@pytest.fixture
def shelf(kit: Any) -> Shelf:
    keys = kit.folder / "node" / "keys"
    return Shelf(store=kit.node.store, clock=kit.node.clock, datasets=kit.node.places.datasets, keys=keys)


@pytest.fixture
def cohort(made: Path) -> NewDataset:
    data = made / "data"
    return NewDataset(
        dataset="cohort-fi",
        vcf=data / "cohort.vcf.gz",
        samples=data / "subjects.parquet",
        diagnoses=data / "diagnoses.parquet",
        pedigree=data / "pedigree.ped",
        sites=data / "sites.tsv",
        people=400,
        slots=400,
        unit=Unit.FAMILY,
        maximum_family_size=4,
        columns=(),
        diagnosis_codes=None,
        duo=("DUO:0000042",),
        country="FI",
        assembly="GRCh38",
    )


def offers(shelf: Shelf) -> list[str]:
    with shelf.store.reading() as session:
        return [one.facts.snapshot for one in list_datasets(session)]


def test_new_version_replaces_the_old_in_the_same_lineage(shelf: Shelf, cohort: NewDataset) -> None:
    (before,) = offers(shelf)
    key = (shelf.keys / "lineage-cohort-fi.key").read_bytes()
    facts = add_dataset(shelf, replace(cohort, people=500))
    assert offers(shelf) == [facts.snapshot] != [before]
    assert (facts.lineage, facts.people) == ("cohort-fi", 500)
    assert (shelf.keys / "lineage-cohort-fi.key").read_bytes() == key
    with shelf.store.reading() as session:
        assert read_snapshot(session, before), "a job that was charged on it still needs it"


def test_secret_of_a_lineage_is_the_owner_s_alone(shelf: Shelf, cohort: NewDataset) -> None:
    add_dataset(shelf, replace(cohort, dataset="another"))
    mode = stat.S_IMODE((shelf.keys / "lineage-another.key").stat().st_mode)
    assert mode == 0o600


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"duo": ()}, "duo-unknown"),
        ({"duo": ("DUO:0000042", "DUO:9999999")}, "duo-unknown"),
        ({"duo": ("DUO:0000019,DUO:0000020",)}, "duo-unknown"),
        ({"people": 0}, "people-missing"),
        ({"slots": 3}, "slots-too-few"),
        ({"people": 200}, "people-rounded-far"),
        ({"dataset": "../elsewhere"}, "dataset-name"),
        ({"dataset": "Cohort FI"}, "dataset-name"),
        ({"vcf": Path("/nowhere.vcf.gz")}, "file-missing"),
    ],
)
def test_dataset_that_cannot_be_offered_changes_nothing(
    shelf: Shelf, cohort: NewDataset, change: dict[str, Any], code: str
) -> None:
    before, files = offers(shelf), sorted((*shelf.datasets.rglob("*"), *shelf.keys.iterdir()))
    new = replace(cohort, **({"dataset": "another"} | change))
    with pytest.raises(BadInput) as caught:
        add_dataset(shelf, new)
    assert caught.value.code == code
    assert offers(shelf) == before
    assert sorted((*shelf.datasets.rglob("*"), *shelf.keys.iterdir())) == files


def test_columns_are_read_as_people_write_them() -> None:
    assert read_columns(["bmi:number:1", "height:number", "smoker:yes|no"]) == (
        Column(name="bmi", kind=Kind.NUMBER, decimals=1),
        Column(name="height", kind=Kind.NUMBER),
        Column(name="smoker", kind=Kind.CATEGORY, categories=("yes", "no")),
    )


@pytest.mark.parametrize("text", ["bmi", "bmi:", ":number", "bmi:number:x", "bmi:number:10"])
def test_column_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_columns([text])
    assert caught.value.code == "column-malformed"
