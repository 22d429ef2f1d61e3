"""Every fault of tables, pedigree and site list, and of a holder's choices: its own code, nothing written."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cohorts import KEY, TODAY, make_options, write_sites, write_tsv
from faults import COHORT, SAMPLES, Change, Faults, check_refused

from sandbox.data.ingest import IngestOptions, Sources, ingest
from sandbox.domain.dataset import Unit
from sandbox.errors import BadInput

FAULTS = Faults()
fault = FAULTS.add


def _table(sources: Sources, change: Callable[[list[list[str]]], list[list[str]]]) -> Sources:
    rows = [line.split("\t") for line in sources.samples.read_text().splitlines()]
    write_tsv(sources.samples, change(rows))
    return sources


def _pedigree(sources: Sources, *lines: str) -> Sources:
    assert sources.pedigree is not None
    write_tsv(sources.pedigree, [line.split() for line in lines])
    return sources


@fault("file-missing")
def table_missing(sources: Sources) -> Sources:
    sources.samples.unlink()
    return sources


@fault("file-missing")
def sites_missing(sources: Sources) -> Sources:
    return replace(sources, sites=sources.vcf.with_name("nothing.tsv"))


@fault("file-missing")
def pedigree_missing(sources: Sources) -> Sources:
    return replace(sources, pedigree=sources.vcf.with_name("nothing.ped"))


@fault("sample-not-in-vcf")
def subject_whom_nobody_sequenced(sources: Sources) -> Sources:
    return _table(sources, lambda rows: [*rows, ["NEW", *rows[-1][1:]]])


@fault("sample-not-in-table")
def sample_whom_nobody_described(sources: Sources) -> Sources:
    return replace(_table(sources, lambda rows: rows[:-1]), pedigree=None)


@fault("table-duplicate-row")
def row_twice(sources: Sources) -> Sources:
    return _table(sources, lambda rows: [*rows, rows[-1]])


@fault("table-duplicate-subject")
def subject_twice(sources: Sources) -> Sources:
    return _table(sources, lambda rows: [*rows, [rows[-1][0], "1", *rows[-1][2:]]])


@fault("dataset-empty")
def nobody(sources: Sources) -> Sources:
    return _table(sources, lambda rows: rows[:1])


@fault("table-column-missing")
def no_subject_column(sources: Sources) -> Sources:
    return _table(sources, lambda rows: [["who", *rows[0][1:]], *rows[1:]])


@fault("table-column-missing")
def no_declared_column(sources: Sources) -> Sources:
    return _table(sources, lambda rows: [[c.replace("smoker", "x") for c in rows[0]], *rows[1:]])


@fault("table-unreadable")
def table_with_a_ragged_row(sources: Sources) -> Sources:
    return _table(sources, lambda rows: [*rows[:-1], rows[-1][:-1]])


@fault("table-unreadable")
def table_that_is_no_parquet(sources: Sources) -> Sources:
    sources.samples.with_suffix(".parquet").write_bytes(b"not a table")
    return replace(sources, samples=sources.samples.with_suffix(".parquet"))


@fault("table-value")
def category_that_nobody_declared(sources: Sources) -> Sources:
    return _table(
        sources, lambda rows: [*rows[:-1], [c.replace("never", "pipe").replace("former", "pipe") for c in rows[-1]]]
    )


@fault("table-value")
def age_of_a_tortoise(sources: Sources) -> Sources:
    return _table(sources, lambda rows: [*rows[:-1], [rows[-1][0], "190", *rows[-1][2:]]])


@fault("table-value")
def name_with_a_blank(sources: Sources) -> Sources:
    return _table(sources, lambda rows: [*rows[:-1], ["S 1", *rows[-1][1:]]])


@fault("pedigree-loop")
def grandfather_of_himself(sources: Sources) -> Sources:
    a, b, c = SAMPLES[:3]
    return _pedigree(sources, f"F1 {a} {b} 0 1 0", f"F1 {b} {c} 0 1 0", f"F1 {c} {a} 0 1 0")


@fault("pedigree-unknown-person")
def parent_who_is_not_in_the_table(sources: Sources) -> Sources:
    return _pedigree(sources, f"F1 {SAMPLES[0]} GHOST 0 1 0")


@fault("pedigree-duplicate-person")
def person_twice_in_the_pedigree(sources: Sources) -> Sources:
    return _pedigree(sources, f"F1 {SAMPLES[0]} 0 0 1 0", f"F2 {SAMPLES[0]} 0 0 1 0")


@fault("pedigree-malformed")
def pedigree_of_three_columns(sources: Sources) -> Sources:
    return _pedigree(sources, f"F1 {SAMPLES[0]} 0")


@fault("diagnosis-unknown-subject")
def diagnosis_of_a_stranger(sources: Sources) -> Sources:
    path = sources.samples.with_name("diagnoses.tsv")
    return replace(sources, diagnoses=write_tsv(path, [["subject_id", "diagnosis"], ["GHOST", "E11"]]))


@fault("sites-not-in-vcf")
def public_site_that_was_not_called(sources: Sources) -> Sources:
    path = sources.samples.with_name("sites.tsv")
    return replace(sources, sites=write_sites(path, [("chr1", 100, "rs100", "A", "G"), ("chr1", 101, "rs1", "A", "G")]))


@fault("sites-duplicate")
def public_site_twice_in_two_spellings(sources: Sources) -> Sources:
    path = sources.samples.with_name("sites.tsv")
    return replace(sources, sites=write_sites(path, [("chr1", 100, "rs1", "A", "G"), ("1", 100, "rs2", "AC", "GC")]))


@fault("sites-symbolic")
def public_site_that_is_no_sequence(sources: Sources) -> Sources:
    return replace(sources, sites=write_sites(sources.samples.with_name("s.tsv"), [("chr1", 100, "sv", "A", "<DEL>")]))


@fault("sites-malformed")
def public_site_without_position(sources: Sources) -> Sources:
    path = write_tsv(
        sources.samples.with_name("s.tsv"), [["CHROM", "POS", "ID", "REF", "ALT"], ["1", "x", ".", "A", "G"]]
    )
    return replace(sources, sites=path)


@FAULTS.each()
def test_ingest_refuses(tmp_path: Path, code: str, change: Change) -> None:
    check_refused(tmp_path, code, change)


def test_ingest_with_fewer_slots_than_units(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        ingest(COHORT.write(tmp_path / "f"), tmp_path / "s", KEY, make_options(slots=3), snapshot_id="a")
    assert refused.value.code == "slots-too-few"


def test_ingest_under_a_name_that_is_taken(tmp_path: Path) -> None:
    sources = COHORT.write(tmp_path / "files")
    ingest(sources, tmp_path / "s", KEY, make_options(), snapshot_id="a")
    before = {path: path.read_bytes() for path in (tmp_path / "s" / "a").iterdir()}
    with pytest.raises(BadInput) as refused:
        ingest(sources, tmp_path / "s", KEY, make_options(), snapshot_id="a")
    assert refused.value.code == "snapshot-exists"
    assert {path: path.read_bytes() for path in (tmp_path / "s" / "a").iterdir()} == before


def test_ingest_with_a_short_key(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        ingest(COHORT.write(tmp_path / "f"), tmp_path / "s", b"short", make_options(), snapshot_id="a")


@pytest.mark.parametrize("changes", [{"slots": 0}, {"maximum_family_size": 0}, {"unit": Unit.PERSON}], ids=str)
def test_options_that_cannot_be(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="maximum family size"):
        make_options(**changes)


def test_privacy_choices_have_no_default() -> None:
    with pytest.raises(TypeError):
        IngestOptions(today=TODAY)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        IngestOptions(unit=Unit.FAMILY, slots=3, today=TODAY)  # type: ignore[call-arg]
