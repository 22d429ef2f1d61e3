"""The small parts: genotypes, sites, tables, families, places."""

from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cohorts import BMI, KEY, SMOKER, TODAY, write_tsv

from sandbox.data.genotype import ALLELES, CODE, DOSAGE, FIELD, TEXT, code_of, decode
from sandbox.data.partition import EMPTY, MICRO_BLOCKS, KeyedHash, Lineage, assign_slots, assign_units
from sandbox.data.pedigree import Relation, families
from sandbox.data.site import Site, SiteList, make_site, parse_key, read_public_sites
from sandbox.data.tables import read_diagnoses, read_subjects
from sandbox.domain.dataset import Column, DatasetFacts, Kind, StagePlan, Unit, catalogue_entry, diagnosis_column
from sandbox.errors import BadInput

KEYED = KeyedHash(KEY)


def test_every_code_reads_back_its_text() -> None:
    assert [code_of(text, 1, 1) for text in TEXT] == list(range(len(TEXT)))
    assert [bytes(row).rstrip(b"\0").decode() for row in FIELD] == [f"\t{text}" for text in TEXT]


def test_dosage_and_alleles_of_every_code() -> None:
    assert [int(DOSAGE[CODE[text]]) for text in ("0/0", "0|1", "1/1", "./1", "1", ".")] == [0, 1, 2, 1, 1, 0]
    assert [int(ALLELES[CODE[text]]) for text in ("0/0", "./.", "./1", "1", ".")] == [2, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("call", "allele", "expected"),
    [("1/2", 1, "1/0"), ("1/2", 2, "0/1"), ("0|3", 3, "0|1"), ("./2", 2, "./1"), ("2", 2, "1"), ("10/0", 10, "1/0")],
)
def test_call_of_several_alternatives(call: str, allele: int, expected: str) -> None:
    assert TEXT[code_of(call, 10, allele)] == expected


@pytest.mark.parametrize("call", ["", "0/", "/1", "0-1", "0/1/1", "A/G", "0/x", "-1/0", "٣/1", "0\\1", " 0/1"])
def test_call_that_is_no_genotype(call: str) -> None:
    with pytest.raises(BadInput) as refused:
        code_of(call, 3, 1)
    assert refused.value.code == "vcf-genotype-malformed"


@pytest.mark.parametrize(
    "calls", ["0/0 0/1 1|1 ./.", "0/0:3 0/1:9 1|1:. ./.:0", "0/0:30 0/1 1|1 ./.:1", "0/0 0/1 1|1:12 ./."]
)
def test_decode_in_any_layout(calls: str) -> None:
    codes = decode(calls.replace(" ", "\t").encode(), 4, 1, 1)
    assert [TEXT[code] for code in codes] == ["0/0", "0/1", "1|1", "./."]


def test_decode_of_a_line_whose_length_fits_by_accident() -> None:
    assert [TEXT[code] for code in decode(b"0\t1\t0/1:9", 3, 1, 1)] == ["0", "1", "0/1"]
    assert [TEXT[code] for code in decode(b"1\t0/1:3", 2, 1, 1)] == ["1", "0/1"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("chr1", 100, "A", "G"), Site("1", 100, "A", "G")),
        (("1", 100, "ACC", "GCC"), Site("1", 100, "A", "G")),
        (("1", 100, "CTT", "CTTT"), Site("1", 100, "C", "CT")),
        (("1", 100, "GAT", "GCT"), Site("1", 101, "A", "C")),
        (("1", 100, "at", "a"), Site("1", 100, "AT", "A")),
        (("chrM", 7, "A", "G"), Site("MT", 7, "A", "G")),
        (("1", 100, "A", "*"), None),
        (("1", 100, "A", "<DEL>"), None),
        (("1", 100, "A", "A"), None),
        (("1", 100, "A", "A]2:3]"), None),
    ],
)
def test_site_in_its_shortest_spelling(given: tuple[str, int, str, str], expected: Site | None) -> None:
    assert make_site(*given) == expected


def test_sites_in_the_order_of_chromosomes() -> None:
    sites = [Site(chrom, 5, "A", "G") for chrom in ("X", "10", "GL000191.1", "2", "MT", "1")]
    assert [site.chrom for site in SiteList((s, ".") for s in sites).sites] == ["1", "2", "10", "X", "MT", "GL000191.1"]


def test_key_of_a_site_reads_back() -> None:
    assert parse_key("chr21:9411239:G:A") == Site("21", 9411239, "G", "A")
    assert [parse_key(text) for text in ("rs7903146", "1:x:A:G", "1:5:A", "1:-5:A:G", "1:5:A:<DEL>")] == [None] * 5


def test_public_sites_from_a_vcf_with_several_alternatives(tmp_path: Path) -> None:
    path = write_tsv(
        tmp_path / "sites.vcf",
        [["##fileformat=VCFv4.3"], ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL"], ["chr2", "9", ".", "A", "G,T", "."]],
    )
    listed = read_public_sites(path)
    assert listed.names == ("2:9:A:G", "2:9:A:T")
    assert listed.find("chr2:9:A:T") == (1,)


def test_families_join_parents_and_family_ids() -> None:
    relations = [
        Relation(family="F2", person="child", parents=("father", "mother")),
        Relation(family="F1", person="mother", parents=()),
        Relation(family="F3", person="cousin", parents=()),
    ]
    people = [("child", ""), ("father", ""), ("mother", ""), ("cousin", "F9"), ("alone", ""), ("friend", "F9")]
    assert families(people, relations) == {
        **dict.fromkeys(("child", "father", "mother"), "family:F1"),
        **dict.fromkeys(("cousin", "friend"), "family:F3"),
        "alone": "person:alone",
    }


def test_micro_blocks_are_filled_evenly_and_depend_on_the_key() -> None:
    counts = Counter(KEYED.micro_block(f"family:{n}") % 16 for n in range(8000))
    assert set(counts) == set(range(16))
    assert max(abs(count - 500) for count in counts.values()) < 140  # 6.5 standard deviations: 1e-9 over 16 blocks
    other = KeyedHash(bytes(32))
    same = sum(KEYED.micro_block(str(n)) == other.micro_block(str(n)) for n in range(2000))
    assert same < 2000 / MICRO_BLOCKS + 20


def test_places_never_change_between_versions_of_the_program() -> None:
    """A lineage's assignment is for ever: a program that placed people anew would break its promise."""
    assert [KEYED.micro_block(unit) for unit in ("family:F1", "person:HG00096")] == [515, 22]
    assert KEYED.name("person", "HG00096") == "a31c19432cf63165"


def test_units_of_a_lineage_stay_what_they_were() -> None:
    lineage = Lineage(units={KEYED.name("person", "a"): "family:OLD"}, slots={"family:OLD": 3})
    members = assign_units(Unit.FAMILY, {"a": "family:NEW", "b": "family:NEW", "c": "person:c"}, lineage, KEYED)
    assert {m.person: m.unit for m in members} == {"a": "family:OLD", "b": "family:OLD", "c": "person:c"}
    assert assign_slots(["family:OLD", "person:c"], 9, lineage, KEYED) == {"family:OLD": 3, "person:c": 4}


def test_units_of_a_lineage_are_never_joined() -> None:
    units = {KEYED.name("person", "a"): "family:1", KEYED.name("person", "b"): "family:2"}
    with pytest.raises(BadInput) as refused:
        assign_units(Unit.FAMILY, {"a": "family:1", "b": "family:1"}, Lineage(units=units, slots={}), KEYED)
    assert refused.value.code == "lineage-units-joined"


def test_slots_do_not_follow_the_order_of_names() -> None:
    slots = assign_slots([f"family:{n:02d}" for n in range(50)], 50, EMPTY, KEYED)
    assert sorted(slots.values()) == list(range(50))
    assert [slots[f"family:{n:02d}"] for n in range(50)] != list(range(50))


SUBJECT_COLUMNS = {
    "subject_id": ["a", "b", "c", "d"],
    "administrative_gender": ["female", "1", "UNK", "OTH"],
    "birth_date": [date(1980, 11, 24), date(1980, 11, 23), None, date(1926, 1, 1)],
    "smoker": ["never", None, "current", "former"],
    "bmi": [20.25, None, 31.0, 18.987],
}


def test_subjects_from_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table(SUBJECT_COLUMNS), tmp_path / "subjects.parquet")
    found = read_subjects(tmp_path / "subjects.parquet", (SMOKER, BMI), TODAY)
    assert [(s.subject_id, s.sex, s.age) for s in found] == [
        ("a", "female", 45),
        ("b", "male", 46),
        ("c", "unknown", None),
        ("d", "other", 100),
    ]
    assert [s.values for s in found] == [("never", "20.2"), ("", ""), ("current", "31.0"), ("former", "19.0")]


@pytest.mark.parametrize(
    ("birth", "age"), [("1980", 46), ("1980-11", 46), ("1980-12", 45), ("1980-12-31", 45), ("", None)]
)
def test_age_from_a_birth_date_of_any_precision(tmp_path: Path, birth: str, age: int | None) -> None:
    path = tmp_path / "s.csv"
    path.write_text(f"subject_id,birth_date\na,{birth}\n")
    assert read_subjects(path, (), TODAY)[0].age == age


def test_diagnoses_in_one_spelling(tmp_path: Path) -> None:
    rows = [["subject_id", "diagnosis"], ["a", "ICD10:E11.9"], ["a", "e11.9"], ["a", "i10"], ["b", "73211009"]]
    found = read_diagnoses(write_tsv(tmp_path / "d.tsv", rows[:2] + rows[3:]), frozenset("ab"))
    assert found == {"a": {"E119", "I10"}, "b": {"73211009"}}
    assert diagnosis_column("E11.9") == "dx_E119"


def test_declared_column_that_cannot_be() -> None:
    for name in ("sex", "person", "dx_e11", "two words", ""):
        with pytest.raises(ValueError, match="cannot be the name"):
            Column(name=name, kind=Kind.NUMBER)
    with pytest.raises(ValueError, match="public list"):
        Column(name="smoker", kind=Kind.CATEGORY)


def _facts(**changes: object) -> DatasetFacts:
    plain: dict[str, object] = {
        "dataset": "fi-cohort",
        "lineage": "fi",
        "snapshot": "00ff",
        "people": 12000,
        "slots": 6000,
        "unit": Unit.FAMILY,
        "maximum_family_size": 4,
        "columns": ("sex",),
        "sites": 36,
        "duo": ("DUO:0000042",),
        "country": "FI",
        "assembly": "GRCh38",
    }
    return DatasetFacts(**{**plain, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes", [{"people": 0}, {"slots": 0}, {"maximum_family_size": 0}, {"unit": Unit.PERSON}], ids=str
)
def test_facts_that_cannot_be(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        _facts(**changes)


def test_catalogue_entry_is_a_closed_list() -> None:
    assert set(catalogue_entry(_facts(), ("rs1",))) == {
        *("dataset", "snapshot", "country", "assembly", "people", "slots", "unit", "maximum_family_size"),
        *("columns", "sites", "variants", "duo"),
    }


def test_stage_plan_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="no staging"):
        StagePlan(mode="airlock", chambers=1, variants=None, columns=())
    with pytest.raises(ValueError, match="at least one"):
        StagePlan(mode="block", chambers=0, variants=None, columns=())


def test_decode_agrees_with_a_slow_reading() -> None:
    rng = np.random.default_rng(1)
    calls = [TEXT[code] for code in rng.integers(0, len(TEXT), 5000)]
    assert [TEXT[code] for code in decode("\t".join(calls).encode(), 5000, 1, 1)] == calls
