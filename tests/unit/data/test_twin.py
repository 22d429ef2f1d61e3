"""A twin is a function of the catalogue entry, the view and a seed: of nothing that was ever counted in people."""

import hashlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from cohorts import Cohort, ingest_cohort, make_cohort

from protocol.documents.catalogue import CatalogueEntry
from protocol.errors import Refused
from sandbox.data import twin as module
from sandbox.data.genotype import DOSAGE
from sandbox.data.reference import VARIANTS
from sandbox.data.snapshot import facts_of, open_snapshot, read_info
from sandbox.data.stage import stage
from sandbox.data.twin import Asked, Twin, make_twin, read_entry
from sandbox.domain.dataset import Column, Kind, StagePlan, catalogue_entry
from sandbox.errors import BadInput

LISTED = tuple(one.rsid for one in VARIANTS)
ASKED = Asked(variants=("rs7903146",), columns=("sex", "age", "dx_E11", "dx_C50"))


def fields(**changes: Any) -> dict[str, Any]:
    return {
        "dataset": "cohort-fi",
        "snapshot": "a1b2c3",
        "country": "FI",
        "assembly": "GRCh38",
        "people": 600,
        "slots": 600,
        "unit": "family",
        "maximum_family_size": 4,
        "columns": ["sex", "age", "smoker", "bmi", "dx_*"],
        "sites": len(LISTED),
        "variants": list(LISTED),
        "duo": ["DUO:0000042"],
    } | changes


def entry(**changes: Any) -> CatalogueEntry:
    return read_entry(json.dumps(fields(**changes)).encode())


def digest(folder: Path) -> dict[str, str]:
    """The digest of every file below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def staged(made: Twin, folder: Path, **changes: Any) -> list[Path | None]:
    plan = {"mode": "block", "chambers": 8, "variants": ASKED.variants, "columns": ASKED.columns}
    return stage(made.snapshot, StagePlan(**(plan | changes)), folder)


def public_entry_of(cohort: Cohort, folder: Path) -> bytes:
    """What the catalogue says of a real cohort, as its node would say it."""
    info = read_info(ingest_cohort(cohort, folder))
    public: dict[str, Any] = {"dataset": "cohort-fi", "lineage": "cohort-fi", "country": "FI", "assembly": "GRCh38"}
    named = catalogue_entry(facts_of(info, people=600, duo=("DUO:0000042",), **public))
    return json.dumps(named | {"snapshot": "a1b2c3"}).encode()


def test_two_cohorts_with_one_catalogue_entry_have_one_twin_to_the_byte(tmp_path: Path) -> None:
    plain = make_cohort()
    other = plain.without(*plain.family("F011"))
    told = [public_entry_of(one, tmp_path / name) for name, one in (("plain", plain), ("other", other))]

    twins = [make_twin(read_entry(raw), ASKED, 7, tmp_path / f"twin-{at}") for at, raw in enumerate(told)]

    assert told[0] == told[1]
    assert digest(tmp_path / "twin-0") == digest(tmp_path / "twin-1")
    assert twins[0].people == twins[1].people


def test_entry_has_exactly_the_fields_of_the_catalogue() -> None:
    assert set(CatalogueEntry.model_fields) == set(fields())
    with pytest.raises(Refused) as refused:
        entry(frequencies={"rs7903146": "0.2"})
    assert refused.value.code == "document-malformed"


def test_making_a_twin_takes_public_facts_and_a_seed_only() -> None:
    asked = inspect.signature(make_twin).parameters

    assert list(asked) == ["entry", "asked", "seed", "directory"]
    assert set(inspect.get_annotations(Asked)) == {"variants", "columns", "declared"}
    assert not {"open_snapshot", "read_info", "read_lineage"} & set(vars(module))


def test_another_seed_gives_another_twin_of_the_same_shape(tmp_path: Path) -> None:
    made = [make_twin(entry(), ASKED, seed, tmp_path / str(seed)) for seed in (1, 2)]

    blocks = [staged(one, tmp_path / f"blocks-{at}") for at, one in enumerate(made)]

    assert [len(one) for one in blocks] == [8, 8]
    assert digest(tmp_path / "blocks-0") != digest(tmp_path / "blocks-1")
    heads = {(block / "subjects.csv").read_text().partition("\n")[0] for one in blocks for block in one if block}
    assert heads == {"person,family,sex,age,dx_E11,dx_C50"}


def test_frequencies_are_the_public_ones_and_families_no_larger_than_allowed(tmp_path: Path) -> None:
    made = make_twin(entry(people=4000, slots=4000), ASKED, 1, tmp_path / "twin")

    snapshot = open_snapshot(made.snapshot)
    row = int(snapshot.rows[snapshot.sites.find("rs7903146")[0]])
    people = snapshot.people
    sizes = [people["unit_name"].count(unit) for unit in set(people["unit_name"][:200])]
    assert DOSAGE[snapshot.genotypes[row]].mean() / 2 == pytest.approx(0.20, abs=0.03)
    assert max(sizes) <= 4


def test_diagnosis_without_a_public_prevalence_is_there_in_some(tmp_path: Path) -> None:
    made = make_twin(entry(), ASKED, 1, tmp_path / "twin")

    tables = [(block / "subjects.csv").read_text().splitlines()[1:] for block in staged(made, tmp_path / "b") if block]
    ill = [line.rpartition(",")[2] for table in tables for line in table]
    assert 0 < ill.count("1") < len(ill) / 2


def test_site_that_the_reference_does_not_have_is_placed_and_said_to_be(tmp_path: Path) -> None:
    asked = Asked(variants=("10:777:A:T", "rs999999999"), columns=())

    made = make_twin(entry(sites=None, variants=["rs999999999", "X:5:A:G"]), asked, 1, tmp_path / "twin")
    block = next(one for one in staged(made, tmp_path / "b", variants=("10:777:A:T",), columns=()) if one)

    assert "10\t777\t.\tA\tT" in (block / "genotypes.vcf").read_text()
    assert any("no public reference frequency" in note for note in made.notes)
    assert any("X:5:A:G is left out" in note for note in made.notes)


def test_whole_public_list_is_the_twins_list(tmp_path: Path) -> None:
    made = make_twin(entry(), Asked(variants=("rs1",), columns=()), 1, tmp_path / "twin")

    with pytest.raises(Refused) as refused:
        staged(made, tmp_path / "b", variants=("rs1",), columns=())

    assert refused.value.code == "variant-unknown"


def test_more_families_than_slots_do_not_come_into_the_twin(tmp_path: Path) -> None:
    made = make_twin(entry(slots=50), ASKED, 1, tmp_path / "twin")

    assert made.people < 300
    assert len(staged(made, tmp_path / "b", mode="unit", chambers=50)) == 50


def test_twin_of_persons_has_no_families(tmp_path: Path) -> None:
    made = make_twin(entry(unit="person", maximum_family_size=1), ASKED, 1, tmp_path / "twin")

    assert made.people == 600
    assert len(set(open_snapshot(made.snapshot).people["unit_name"])) == 600


def test_declared_columns_are_drawn_from_what_was_declared(tmp_path: Path) -> None:
    smoker = Column(name="smoker", kind=Kind.CATEGORY, categories=("never", "former"))
    bmi = Column(name="bmi", kind=Kind.NUMBER, decimals=1)
    made = make_twin(
        entry(), Asked(variants=(), columns=("smoker", "bmi"), declared=(smoker, bmi)), 1, tmp_path / "twin"
    )

    block = next(one for one in staged(made, tmp_path / "b", variants=(), columns=("smoker", "bmi")) if one)
    rows = [line.split(",") for line in (block / "subjects.csv").read_text().splitlines()[1:]]

    assert {row[2] for row in rows} <= {"never", "former"}
    assert all(len(row[3].partition(".")[2]) == 1 for row in rows)


def test_column_that_nobody_described_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        make_twin(entry(), Asked(variants=(), columns=("smoker",)), 1, tmp_path / "twin")

    assert refused.value.code == "twin-column"


@pytest.mark.parametrize(
    ("dataset", "fits"), [("cohort-fi", True), ("cohort-es", True), (None, False), ("none", False)]
)
def test_entry_is_found_on_a_page_of_the_registry(dataset: str | None, fits: bool) -> None:
    page = {
        "datasets": [{"node": "node-fi", **fields()}, {"node": "node-es", **fields(dataset="cohort-es")}],
        "next": None,
    }
    raw = json.dumps(page).encode()

    if dataset in ("cohort-fi", "cohort-es"):
        assert read_entry(raw, dataset).dataset == dataset
        return
    with pytest.raises(BadInput) as refused:
        read_entry(raw, dataset)
    assert refused.value.code == "dataset-unclear"


def test_country_and_assembly_without_reference_are_noted(tmp_path: Path) -> None:
    made = make_twin(entry(country="AT", assembly="GRCh37"), ASKED, 1, tmp_path / "twin")

    assert any("AT" in note for note in made.notes)
    assert any("GRCh37" in note for note in made.notes)
