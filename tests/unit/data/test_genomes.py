"""Real genomes: what the published answers say about 1000 Genomes and its synthetic phenotypes."""

import csv
import gzip
import json
import os
import re
from collections import Counter
from pathlib import Path

import pysam
import pytest
from cohorts import KEY, TODAY

from sandbox.data.genomes import SiteRule, prepare_genomes, read_phenotypes
from sandbox.data.genotype import DOSAGE, decode
from sandbox.data.ingest import IngestOptions, Sources, ingest
from sandbox.data.stage import stage
from sandbox.domain.dataset import Column, Kind, StagePlan, Unit
from sandbox.errors import BadInput

HERE = Path(os.environ.get("SAFECONDUCT_TEST_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
GENOMES = HERE / "genomes"
needs_data = pytest.mark.skipif(
    not GENOMES.is_dir(), reason=f"no test data at {HERE}; set SAFECONDUCT_TEST_DATA to the folder with genomes/"
)
PEOPLE = {"FIN": 99, "GBR": 91, "IBS": 107, "TSI": 107, "CEU": 99}


@needs_data
def test_frequencies_are_the_published_ones() -> None:
    """All 600 sites times five superpopulations, recomputed from the genotypes."""
    with (GENOMES / "integrated_call_samples_v3.20130502.ALL.panel").open(newline="") as text:
        group = {row["sample"]: row["super_pop"] for row in csv.DictReader(text, delimiter="\t")}
    compared = 0
    with gzip.open(GENOMES / "1kg_phase3_chr21_start.vcf.gz", "rb") as lines:
        for line in lines:
            if line.startswith(b"##"):
                continue
            *fixed, calls = line.rstrip().split(b"\t", 9)
            if line.startswith(b"#"):
                groups = [group[name] for name in calls.decode().split("\t")]
                columns = {name: [at for at, one in enumerate(groups) if one == name] for name in set(groups)}
                continue
            dosages = DOSAGE[decode(calls, len(groups), 1, 1)]
            for name, at in columns.items():
                found = re.search(rf";{name}_AF=([0-9.e-]+)", fixed[7].decode())
                assert found is not None
                assert abs(dosages[at].sum(dtype=int) / (2 * len(at)) - float(found[1])) < 5.1e-5
                compared += 1
    assert compared == 600 * 5


@needs_data
def test_phenotypes_are_the_published_ones() -> None:
    people = read_phenotypes(GENOMES / "cineca_individuals.json.gz")
    with (GENOMES / "integrated_call_samples_v3.20130502.ALL.panel").open(newline="") as text:
        panel = {row["sample"]: row for row in csv.DictReader(text, delimiter="\t")}
    assert sum(people[sample]["sex"] == row["gender"] for sample, row in panel.items()) == 2504
    diabetic = [sample for sample, person in people.items() if "E10" in person["diagnoses"]]
    by_population = Counter(panel[sample]["pop"] for sample in diabetic)
    assert len(diabetic) == 165
    assert {p: by_population[p] for p in PEOPLE} == {"FIN": 5, "GBR": 8, "IBS": 6, "TSI": 5, "CEU": 4}
    bmi = [person["bmi"] for person in people.values()]
    mean = sum(bmi) / len(bmi)
    assert len(bmi) == 2504
    assert round(mean, 4) == 26.3844
    assert round((sum((b - mean) ** 2 for b in bmi) / (len(bmi) - 1)) ** 0.5, 4) == 5.9394


@needs_data
@pytest.mark.parametrize("population", ["FIN", "GBR"])
def test_population_is_ingested_and_staged(tmp_path: Path, population: str) -> None:
    prepare_genomes(GENOMES, population, tmp_path / "files")
    files = tmp_path / "files"
    truth = json.loads((files / "truth.json").read_text())
    sources = Sources(
        vcf=files / "cohort.vcf.gz",
        samples=files / "subjects.tsv",
        diagnoses=files / "diagnoses.tsv",
        sites=files / "sites.tsv",
    )
    bmi = Column(name="bmi", kind=Kind.NUMBER, decimals=2)
    options = IngestOptions(unit=Unit.PERSON, maximum_family_size=1, slots=120, today=TODAY, columns=(bmi,))
    info = ingest(sources, tmp_path, KEY, options, snapshot_id="s")
    assert (info.people_exact, info.sites, info.public_sites) == (PEOPLE[population], 600, 600)
    plan = StagePlan(mode="unit", chambers=120, variants=None, columns=("sex", "bmi", "dx_E10"))
    alleles: Counter[str] = Counter()
    diabetic = 0
    for folder in stage(tmp_path / "s", plan, tmp_path / "out"):
        if folder is None:
            continue
        rows = [line.split("\t") for line in (folder / "genotypes.vcf").read_text().splitlines() if line[0] != "#"]
        alleles.update({row[2]: row[9].count("1") for row in rows})
        diabetic += (folder / "subjects.csv").read_text().endswith(",1\n")
    assert {v["id"]: v["alleles"] for v in truth["variants"]} == dict(alleles)
    assert diabetic == {"FIN": 5, "GBR": 8}[population]


@needs_data
def test_all_genomes_in_one_dataset_need_no_list(tmp_path: Path) -> None:
    """Everybody, without a public list: each of the 600 sites is carried by somebody."""
    vcf = tmp_path / "all.vcf.gz"
    with pysam.BGZFile(str(vcf), "wb", index=None) as written:
        written.write(gzip.decompress((GENOMES / "1kg_phase3_chr21_start.vcf.gz").read_bytes()))
    pysam.tabix_index(str(vcf), preset="vcf")
    table = (GENOMES / "integrated_call_samples_v3.20130502.ALL.panel").read_text().splitlines()
    rows = [line.split("\t")[:4] for line in table[1:]]
    samples = tmp_path / "subjects.tsv"
    samples.write_text("subject_id\tsex\n" + "".join(f"{row[0]}\t{row[3]}\n" for row in rows))
    options = IngestOptions(unit=Unit.PERSON, maximum_family_size=1, slots=3000, today=TODAY)
    info = ingest(Sources(vcf=vcf, samples=samples), tmp_path, KEY, options, snapshot_id="s")
    assert (info.people_exact, info.sites, info.public_sites) == (2504, 600, None)


@needs_data
def test_sites_are_chosen_by_published_frequency(tmp_path: Path) -> None:
    prepare_genomes(GENOMES, "TSI", tmp_path, SiteRule(minimum=0.05, limit=24))
    with (tmp_path / "sites.tsv").open(newline="") as text:
        chosen = [row["ID"] for row in csv.DictReader(text, delimiter="\t")]
    assert len(chosen) == len(set(chosen)) == 24
    with pysam.VariantFile(str(tmp_path / "cohort.vcf.gz")) as opened:
        assert [record.id for record in opened] == chosen


@needs_data
@pytest.mark.parametrize(
    ("code", "population", "rule"),
    [("population-unknown", "XYZ", SiteRule()), ("sites-none", "FIN", SiteRule(minimum=0.6))],
)
def test_genomes_refuses(tmp_path: Path, code: str, population: str, rule: SiteRule) -> None:
    with pytest.raises(BadInput) as refused:
        prepare_genomes(GENOMES, population, tmp_path / "out", rule)
    assert refused.value.code == code
    assert not (tmp_path / "out").exists()


def test_genomes_without_its_files(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        prepare_genomes(tmp_path, "FIN", tmp_path / "out")
    assert refused.value.code == "genomes-missing"
