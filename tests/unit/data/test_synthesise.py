"""A synthetic cohort holds what its truth says.

Random claims are tested at 5.5 standard deviations or more, a false alarm in 10^7 draws; seeds are fixed as well.
"""

import csv
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pysam
import pytest
from cohorts import KEY, TODAY

from sandbox.data.cohort import Cohort, draw_cohort
from sandbox.data.ingest import IngestOptions, Sources, ingest
from sandbox.data.reference import APART, COUNTRIES, DISEASES, POPULATIONS, VARIANTS
from sandbox.data.synthesise import synthesise
from sandbox.domain.dataset import Unit
from sandbox.errors import BadInput

FAR = 5.5
ROW = {variant.rsid: at for at, variant in enumerate(VARIANTS)}


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return draw_cohort("FI", 12000, 1)


def test_reference_variants_are_sites_of_their_own() -> None:
    assert len({v.rsid for v in VARIANTS}) == len({v[2:6] for v in VARIANTS}) == len(VARIANTS) >= 20
    assert all(len(v.frequencies) == len(POPULATIONS) and all(0 < f < 1 for f in v.frequencies) for v in VARIANTS)
    assert all(rsid in ROW for pair in APART for rsid in pair)
    assert all(rsid in ROW for disease in DISEASES for rsid, _ in disease.variants)
    assert {"FI", "ES", "IT", "NL", "FR"} <= COUNTRIES


def test_founders_have_the_countrys_frequencies(cohort: Cohort) -> None:
    founders = (cohort.father < 0) & (cohort.mother < 0)
    for at, variant in enumerate(VARIANTS):
        expected = variant.frequency("FI")
        copies = cohort.copies[:, at, founders]
        error = math.sqrt(expected * (1 - expected) / copies.size)
        assert abs(copies.mean() - expected) < FAR * error, variant.rsid


def test_children_follow_mendel(cohort: Cohort) -> None:
    for own, parent in ((0, cohort.father), (1, cohort.mother)):
        children = np.flatnonzero(parent >= 0)
        assert len(children) > 1000
        given = cohort.copies[:, :, parent[children]]
        inherited = cohort.copies[own][:, children]
        assert ((inherited == given[0]) | (inherited == given[1])).all()


def test_alternatives_that_exclude_each_other_are_never_on_one_copy(cohort: Cohort) -> None:
    for one, other in APART:
        assert not (cohort.copies[:, ROW[one]] & cohort.copies[:, ROW[other]]).any()


def test_parents_are_a_generation_older_and_of_two_sexes(cohort: Cohort) -> None:
    for parent, male in ((cohort.father, True), (cohort.mother, False)):
        children = np.flatnonzero(parent >= 0)
        assert (cohort.male[parent[children]] == male).all()
        assert (cohort.age[parent[children]] - cohort.age[children] >= 16).all()
        assert (cohort.family[parent[children]] == cohort.family[children]).all()
    assert cohort.age.min() >= 18
    assert set(Counter(cohort.family.tolist()).values()) == {1, 2, 3, 4, 5, 6}


def _fit(design: np.ndarray, sick: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Fit a logistic regression by Newton's method; return coefficients and their standard errors."""
    beta = np.zeros(design.shape[1])
    for _ in range(12):
        risk = 1 / (1 + np.exp(-design @ beta))
        information = (design * (risk * (1 - risk))[:, None]).T @ design
        beta = beta + np.linalg.solve(information, design.T @ (sick - risk))
    return beta, np.sqrt(np.diag(np.linalg.inv(information)))


@pytest.mark.parametrize("country", ["FI", "ES", "IT"])
def test_regression_recovers_the_stated_effects(country: str) -> None:
    cohort = draw_cohort(country, 12000, 1)
    dosages = cohort.copies.sum(axis=0)
    for at, disease in enumerate(DISEASES[:1] + DISEASES[2:4]):
        where = DISEASES.index(disease)
        columns = [
            np.ones(cohort.people),
            cohort.age - 55.0,
            cohort.male,
            *(dosages[ROW[r]] for r, _ in disease.variants),
        ]
        beta, error = _fit(np.stack(columns, axis=1).astype(float), cohort.diagnosed[where].astype(float))
        truth = np.array([disease.age, disease.male, *(effect for _, effect in disease.variants)])
        assert (np.abs(beta[1:] - truth) < FAR * error[1:]).all(), (country, disease.code, at)


def test_prevalence_is_the_stated_one(cohort: Cohort) -> None:
    for at, disease in enumerate(DISEASES):
        error = math.sqrt(disease.prevalence * (1 - disease.prevalence) / cohort.people)
        assert abs(cohort.diagnosed[at].mean() - disease.prevalence) < FAR * error
        assert not (cohort.treated[at] & ~cohort.diagnosed[at]).any()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cohort")
    synthesise("ES", 900, 4, out)
    return out


def _truth(files: Path) -> Any:
    return json.loads((files / "truth.json").read_text())


def test_files_hold_the_exact_frequencies_of_the_truth(files: Path) -> None:
    truth = {variant["id"]: variant for variant in _truth(files)["variants"]}
    with pysam.VariantFile(str(files / "cohort.vcf.gz")) as opened:
        for record in opened:
            alleles = sum(sum(sample["GT"]) for sample in record.samples.values())
            assert alleles == truth[record.id]["alleles"] == record.info["AC"][0]
            assert truth[record.id]["frequency"] == alleles / 1800
            assert truth[record.id]["site"] == f"{record.chrom[3:]}:{record.pos}:{record.ref}:{record.alts[0]}"
            del truth[record.id]
    assert not truth


def test_files_have_an_index_that_finds_a_variant(files: Path) -> None:
    with pysam.VariantFile(str(files / "cohort.vcf.gz")) as opened:
        assert [record.id for record in opened.fetch("chr10", 112998589, 112998590)] == ["rs7903146"]


def test_files_agree_with_one_another(files: Path) -> None:
    subjects = pq.read_table(files / "subjects.parquet").to_pydict()
    diagnoses = pq.read_table(files / "diagnoses.parquet").to_pydict()
    treatments = pq.read_table(files / "treatments.parquet").to_pydict()
    pedigree = [line.split("\t") for line in (files / "pedigree.ped").read_text().splitlines()]
    assert [row[1] for row in pedigree] == subjects["subject_id"]
    assert Counter(diagnoses["diagnosis"]) == {c: n for c, n in _truth(files)["diagnoses"].items() if n}
    assert {"2" if sex == "female" else "1" for sex in subjects["administrative_gender"]} == {"1", "2"}
    sick = {who for who, what in zip(diagnoses["subject_id"], diagnoses["diagnosis"], strict=True) if what == "E11"}
    assert {row[1] for row in pedigree if row[5] == "2"} == sick
    drugged = {w for w, c in zip(treatments["subject_id"], treatments["treatment_code"], strict=True) if c == "A10BA02"}
    assert drugged < sick
    with (files / "sites.tsv").open(newline="") as text:
        assert [row["ID"] for row in csv.DictReader(text, delimiter="\t")] == [v.rsid for v in VARIANTS]


def test_files_are_ingested_as_they_are(files: Path, tmp_path: Path) -> None:
    sources = Sources(
        vcf=files / "cohort.vcf.gz",
        samples=files / "subjects.parquet",
        diagnoses=files / "diagnoses.parquet",
        pedigree=files / "pedigree.ped",
        sites=files / "sites.tsv",
    )
    options = IngestOptions(unit=Unit.FAMILY, maximum_family_size=6, slots=900, today=TODAY)
    info = ingest(sources, tmp_path, KEY, options, snapshot_id="s")
    truth = _truth(files)
    assert (info.people_exact, info.units, info.sites, info.dropped_members) == (
        900,
        truth["families"],
        len(VARIANTS),
        0,
    )


def test_same_seed_same_bytes(files: Path, tmp_path: Path) -> None:
    again = synthesise("ES", 900, 4, tmp_path / "again")
    other = synthesise("ES", 900, 5, tmp_path / "other")
    assert [path.read_bytes() for path in again] == [(files / path.name).read_bytes() for path in again]
    assert (other[0].parent / "pedigree.ped").read_bytes() != (files / "pedigree.ped").read_bytes()


@pytest.mark.parametrize(("code", "country", "people"), [("country-unknown", "XX", 5), ("people-range", "FI", 0)])
def test_synthesise_refuses(tmp_path: Path, code: str, country: str, people: int) -> None:
    with pytest.raises(BadInput) as refused:
        synthesise(country, people, 1, tmp_path / "out")
    assert refused.value.code == code
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("people", [1, 2, 3, 7])
def test_synthesise_a_handful(tmp_path: Path, people: int) -> None:
    synthesise("NL", people, people, tmp_path)
    assert _truth(tmp_path)["people"] == people
