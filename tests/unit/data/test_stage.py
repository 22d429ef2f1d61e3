"""What a chamber sees, and what a dataset refuses to show."""

import csv
import stat
from dataclasses import replace
from pathlib import Path

import pysam
import pytest
from cohorts import KEY, SITES, Cohort, ingest_cohort, make_cohort, make_options, write_vcf

from sandbox.data.ingest import Sources, ingest
from sandbox.data.partition import KeyedHash
from sandbox.data.snapshot import GENOTYPES, public_variants, read_info
from sandbox.data.stage import check_request, stage, staged
from sandbox.domain.dataset import StagePlan, Unit
from sandbox.domain.turns import need_of
from sandbox.errors import InfrastructureLost, Refused

KEYED = KeyedHash(KEY)
BLOCK = StagePlan(mode="block", chambers=8, variants=None, columns=("sex", "age"))


def read_vcf(folder: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Return the samples, and the calls by ID."""
    lines = (folder / "genotypes.vcf").read_text().splitlines()
    header = next(line for line in lines if line.startswith("#CHROM"))
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return header.split("\t")[9:], {row[2]: row[9:] for row in rows}


def read_subjects(folder: Path) -> list[dict[str, str]]:
    with (folder / "subjects.csv").open(newline="") as text:
        return list(csv.DictReader(text))


def everything(folders: list[Path | None]) -> dict[str, dict[str, str]]:
    """Return calls by person and ID over all chambers."""
    calls: dict[str, dict[str, str]] = {}
    for folder in folders:
        if folder is not None:
            samples, rows = read_vcf(folder)
            for name in samples:
                assert name not in calls
                calls[name] = {}
            for site, row in rows.items():
                for name, call in zip(samples, row, strict=True):
                    calls[name][site] = call
    return calls


@pytest.mark.parametrize("plan", [BLOCK, replace(BLOCK, mode="unit", chambers=60)], ids=["block", "unit"])
def test_stage_shows_every_person_once_with_their_own_calls(tmp_path: Path, plan: StagePlan) -> None:
    cohort = make_cohort(listed=True)
    calls = everything(stage(ingest_cohort(cohort, tmp_path), plan, tmp_path / "out"))
    names = [record[2] for record in cohort.records]
    expected = {KEYED.name("person", s): dict(zip(names, row, strict=True)) for s, row in cohort.calls.items()}
    assert calls == expected


def test_stage_keeps_a_family_together(tmp_path: Path) -> None:
    cohort = make_cohort()
    folders = stage(ingest_cohort(cohort, tmp_path), BLOCK, tmp_path / "out")
    where: dict[str, set[int]] = {}
    for block, folder in enumerate(folders):
        for row in read_subjects(folder) if folder else []:
            where.setdefault(row["family"], set()).add(block)
    assert len(where) == len(set(cohort.families.values()))
    assert all(len(blocks) == 1 for blocks in where.values())


def test_stage_writes_a_minimal_vcf(tmp_path: Path) -> None:
    folder = stage(ingest_cohort(make_cohort(listed=True), tmp_path), BLOCK, tmp_path / "out")[0]
    assert folder is not None
    lines = (folder / "genotypes.vcf").read_text().splitlines()
    assert not [
        line for line in lines if line.startswith("##") and not line.startswith(("##f", "##F", "##contig=<ID="))
    ]
    assert {tuple(line.split("\t")[5:9]) for line in lines if not line.startswith("#")} == {(".", ".", ".", "GT")}
    with pysam.VariantFile(str(folder / "genotypes.vcf")) as opened:
        assert [record.id for record in opened] == ["rs100", "rs200", "rs300", "rs50", "rs60"]


def test_stage_sorts_samples_and_rows_by_pseudonym(tmp_path: Path) -> None:
    for folder in stage(ingest_cohort(make_cohort(), tmp_path), BLOCK, tmp_path / "out"):
        if folder is not None:
            samples, _ = read_vcf(folder)
            assert samples == sorted(samples) == [row["person"] for row in read_subjects(folder)]


def test_stage_shows_permitted_columns_only(tmp_path: Path) -> None:
    snapshot = ingest_cohort(make_cohort(), tmp_path)
    plan = replace(BLOCK, columns=("dx_E11", "smoker", "dx_e78"))
    folder = stage(snapshot, plan, tmp_path / "out")[0]
    assert folder is not None
    assert list(read_subjects(folder)[0]) == ["person", "family", "dx_E11", "smoker", "dx_e78"]


def test_stage_writes_values_of_columns(tmp_path: Path) -> None:
    cohort = make_cohort()
    plan = replace(BLOCK, columns=("sex", "age", "bmi", "smoker", "dx_E11", "dx_I10", "dx_E119", "dx_Z99"))
    rows = {
        row["person"]: row
        for folder in stage(ingest_cohort(cohort, tmp_path), plan, tmp_path / "out")
        if folder
        for row in read_subjects(folder)
    }
    for subject, given in cohort.people.items():
        row = rows[KEYED.name("person", subject)]
        assert (row["sex"], row["age"], row["smoker"]) == (given["sex"], given["age"], given["smoker"])
        assert row["bmi"] == f"{float(given['bmi']):.1f}"
        assert row["dx_E11"] == row["dx_E119"] == str(int("E11" in given["diagnoses"]))
        assert row["dx_I10"] == str(int("I10" in given["diagnoses"]))
        assert row["dx_Z99"] == "0"


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (("rs200", "rs100"), ["rs100", "rs200"]),
        (("chr1:200:C:T",), ["chr1:200:C:T"]),
        (("1:200:C:T",), ["."]),
        (("1:200:C:T", "rs200", "chr1:200:C:T"), ["chr1:200:C:T;rs200"]),
    ],
)
def test_stage_names_a_site_once_as_it_was_asked_for(tmp_path: Path, asked: tuple[str, ...], ids: list[str]) -> None:
    snapshot = ingest_cohort(make_cohort(listed=True), tmp_path)
    for folder in stage(snapshot, replace(BLOCK, variants=asked), tmp_path / "out"):
        if folder is not None:
            assert list(read_vcf(folder)[1]) == ids


def test_stage_without_variants_writes_no_site(tmp_path: Path) -> None:
    folder = stage(ingest_cohort(make_cohort(), tmp_path), replace(BLOCK, variants=()), tmp_path / "out")[0]
    assert folder is not None
    assert read_vcf(folder)[1] == {}


def test_stage_without_list_shows_only_carried_sites_without_names(tmp_path: Path) -> None:
    cohort = make_cohort(60)
    folders = stage(ingest_cohort(cohort, tmp_path), replace(BLOCK, mode="unit", chambers=60), tmp_path / "out")
    hidden = 0
    for folder in folders:
        assert folder is not None
        rows = [line.split("\t") for line in (folder / "genotypes.vcf").read_text().splitlines() if line[0] != "#"]
        assert all("1" in "".join(row[9:]) and row[2] == "." for row in rows)
        hidden += len(cohort.records) - len(rows)
    assert hidden > 0


def test_stage_gives_an_empty_slot_no_folder(tmp_path: Path) -> None:
    cohort = make_cohort(10)
    folders = stage(ingest_cohort(cohort, tmp_path), replace(BLOCK, mode="unit", chambers=60), tmp_path / "out")
    assert len(folders) == 60
    assert sum(folder is not None for folder in folders) == 10
    assert folders == staged(tmp_path / "out", 60)


def test_stage_files_are_readable_by_a_chamber_and_not_writable(tmp_path: Path) -> None:
    folder = stage(ingest_cohort(make_cohort(), tmp_path), BLOCK, tmp_path / "out")[0]
    assert folder is not None
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}
    assert {path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]} == {0}


def test_stage_again_leaves_what_is_there(tmp_path: Path) -> None:
    snapshot = ingest_cohort(make_cohort(), tmp_path)
    first = stage(snapshot, BLOCK, tmp_path / "out")
    inode = (tmp_path / "out").stat().st_ino
    assert stage(snapshot, BLOCK, tmp_path / "out") == first
    assert (tmp_path / "out").stat().st_ino == inode


def test_stage_that_fails_leaves_nothing(tmp_path: Path) -> None:
    snapshot = ingest_cohort(make_cohort(), tmp_path)
    (snapshot / GENOTYPES).unlink()
    with pytest.raises(FileNotFoundError):
        stage(snapshot, BLOCK, tmp_path / "stage" / "out")
    assert not (tmp_path / "stage").exists() or not list((tmp_path / "stage").iterdir())


def in_memory(folder: Path) -> int:
    """What a folder takes on tmpfs: whole pages, and one for each folder in it."""
    files = [path.stat().st_size if path.is_file() else 1 for path in folder.rglob("*")]
    return sum(-(-size // 4096) * 4096 for size in files)


@pytest.mark.parametrize("mode", ["block", "unit"])
@pytest.mark.parametrize("columns", [(), ("sex", "age", "smoker", "bmi", "dx_E11")])
def test_widest_view_fits_what_public_facts_reserve(tmp_path: Path, mode: str, columns: tuple[str, ...]) -> None:
    cohort = make_cohort(60, listed=True)
    snapshot = ingest_cohort(cohort, tmp_path)
    plan = StagePlan(mode=mode, chambers=60 if mode == "unit" else 8, variants=None, columns=columns)
    rounded = -(-read_info(snapshot).people_exact * 4 // 5)  # as far as may be
    facts = {"people": rounded, "columns": len(columns), "sites": len(SITES), "chambers": plan.chambers}
    need = need_of(**facts, lanes=1, memory=0, output=0, whole=0)
    stage(snapshot, plan, tmp_path / "out", most=need.staging)
    taken = in_memory(tmp_path / "out")
    assert taken <= need.staging
    stage(snapshot, plan, tmp_path / "exact", most=taken)
    with pytest.raises(InfrastructureLost) as caught:
        stage(snapshot, plan, tmp_path / "less" / "out", most=taken - 1)
    assert caught.value.code == "staging-exceeded"
    assert not list((tmp_path / "less").iterdir())


def test_stage_drops_members_beyond_the_family_size_by_keyed_hash(tmp_path: Path) -> None:
    cohort = make_cohort()
    snapshot = ingest_cohort(cohort, tmp_path, maximum_family_size=1)
    shown = everything(stage(snapshot, BLOCK, tmp_path / "out"))
    families: dict[str, list[str]] = {}
    for subject, family in cohort.families.items():
        families.setdefault(family, []).append(subject)
    kept = [min(members, key=lambda s: KEYED.digest("member", s)) for members in families.values()]
    assert set(shown) == {KEYED.name("person", s) for s in kept}
    assert read_info(snapshot).dropped_members == len(cohort.people) - len(kept)


def test_stage_by_person_puts_everybody_in_a_slot_of_their_own(tmp_path: Path) -> None:
    snapshot = ingest_cohort(make_cohort(10), tmp_path, unit=Unit.PERSON, maximum_family_size=1)
    folders = stage(snapshot, replace(BLOCK, mode="unit", chambers=60), tmp_path / "out")
    assert all(len(read_subjects(folder)) == 1 for folder in folders if folder)


def test_stage_splits_alleles_and_keeps_ploidy(tmp_path: Path) -> None:
    calls = {"A": ["1/2", "1"], "B": ["0|2", "0"], "C": ["./1", "."], "D": ["2/2", "0/1"]}
    cohort = Cohort(
        people={s: {"smoker": "never", "bmi": "20"} for s in calls},
        records=[("chr2", 100, ".", "CTT", "C,CTTT"), ("chrX", 5, ".", "A", "T")],
        calls=calls,
        families={"A": "F"},
    )
    snapshot = ingest_cohort(cohort, tmp_path)
    plan = replace(BLOCK, variants=("chr2:100:CTT:C", "chr2:100:C:CT", "chrX:5:A:T"), chambers=1)
    samples, rows = read_vcf(stage(snapshot, plan, tmp_path / "out")[0] or tmp_path)
    found = {site: dict(zip(samples, row, strict=True)) for site, row in rows.items()}
    names = {s: KEYED.name("person", s) for s in calls}
    assert {s: found["chr2:100:CTT:C"][names[s]] for s in calls} == {"A": "1/0", "B": "0|0", "C": "./1", "D": "0/0"}
    assert {s: found["chr2:100:C:CT"][names[s]] for s in calls} == {"A": "0/1", "B": "0|1", "C": "./0", "D": "1/1"}
    assert {s: found["chrX:5:A:T"][names[s]] for s in calls} == {"A": "1", "B": "0", "C": ".", "D": "0/1"}


@pytest.mark.parametrize("extra", ["", ":DP"], ids=["GT", "GT:DP"])
def test_bcf_is_read_as_vcf(tmp_path: Path, extra: str) -> None:
    cohort = make_cohort(listed=True)
    samples = sorted(cohort.people)
    rows = [row.split("\t") for row in cohort.rows(samples)]
    if extra:
        rows = [[*row[:8], "GT:DP", *(f"{call}:{at}" for at, call in enumerate(row[9:]))] for row in rows]
    sources = cohort.write(tmp_path / "files")
    vcf = write_vcf(tmp_path / "files" / "again.vcf.gz", samples, ["\t".join(row) for row in rows])
    bcf = tmp_path / "files" / "cohort.bcf"
    with pysam.VariantFile(str(vcf)) as opened, pysam.VariantFile(str(bcf), "wb", header=opened.header) as written:
        for record in opened:
            written.write(record)
    pysam.tabix_index(str(bcf), preset="bcf", force=True)
    shown = []
    for name, path in (("v", sources.vcf), ("b", bcf), ("d", vcf)):
        given = Sources(vcf=path, samples=sources.samples, pedigree=sources.pedigree, sites=sources.sites)
        ingest(given, tmp_path, KEY, make_options(), snapshot_id=name)
        shown.append(everything(stage(tmp_path / name, BLOCK, tmp_path / f"out-{name}")))
    assert shown[0] == shown[1] == shown[2]


REFUSED = [
    ("variant-unknown", replace(BLOCK, variants=("rs999",))),
    ("variant-unknown", replace(BLOCK, variants=("1:100:A:C",))),
    ("column-unknown", replace(BLOCK, columns=("income",))),
    ("column-unknown", replace(BLOCK, columns=("dx_",))),
    ("blocks-too-many", replace(BLOCK, chambers=1025)),
    ("slots-mismatch", replace(BLOCK, mode="unit", chambers=59)),
]


@pytest.mark.parametrize(("code", "plan"), REFUSED)
def test_request_refused_on_public_facts(tmp_path: Path, code: str, plan: StagePlan) -> None:
    snapshot = ingest_cohort(make_cohort(listed=True), tmp_path)
    (snapshot / GENOTYPES).unlink()  # nothing protected is read
    with pytest.raises(Refused) as refused:
        check_request(snapshot, plan)
    assert refused.value.code == code


def test_request_by_name_without_a_list(tmp_path: Path) -> None:
    snapshot = ingest_cohort(make_cohort(), tmp_path)
    with pytest.raises(Refused) as refused:
        check_request(snapshot, replace(BLOCK, variants=("rs100",)))
    assert refused.value.code == "variant-unknown"
    check_request(snapshot, replace(BLOCK, variants=("7:1:A:G",)))  # whether somebody carries it is not public
    assert public_variants(snapshot, 9) == ()


def test_request_for_a_name_of_two_sites(tmp_path: Path) -> None:
    cohort = make_cohort()
    sources = cohort.write(tmp_path / "files")
    sites = tmp_path / "sites.tsv"
    sites.write_text("#CHROM\tPOS\tID\tREF\tALT\nchr1\t100\trs1\tA\tG\nchr1\t200\trs1\tC\tT\n")
    given = Sources(vcf=sources.vcf, samples=sources.samples, sites=sites)
    ingest(given, tmp_path, KEY, make_options(slots=200), snapshot_id="s")
    with pytest.raises(Refused) as refused:
        check_request(tmp_path / "s", replace(BLOCK, variants=("rs1",)))
    assert refused.value.code == "variant-ambiguous"
    check_request(tmp_path / "s", replace(BLOCK, variants=("1:100:A:G",)))


def test_diagnosis_outside_the_public_list(tmp_path: Path) -> None:
    snapshot = ingest_cohort(make_cohort(), tmp_path, diagnosis_codes=("E11",))
    check_request(snapshot, replace(BLOCK, columns=("dx_E11",)))
    with pytest.raises(Refused) as refused:
        check_request(snapshot, replace(BLOCK, columns=("dx_I10",)))
    assert refused.value.code == "column-unknown"
