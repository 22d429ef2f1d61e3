"""Membership and reconstruction on real genotypes: the 633 Europeans of 1000 Genomes, 1 004 sites of 22 chromosomes.

The attacks are those on simulated people (`attackers`); here variants are correlated and frequencies are as they are.

Membership: 100 of them are the study, 100 others are not, both by chance in each of 40 studies. No Gaussian release of
this rho can give any attack an area above 0.562. If nothing leaked, one study's area would have a deviation of 0.041
(sqrt(201 / (12 x 100 x 100))), the mean's 0.0065: a mean of 0.52 exceeds 0.562 by chance less than once in 10^10 times.

Reconstruction: who of 200 carries a variant that about half of them carry, from 800 counts over random subsets. By
theory a bit is found with probability 0.52; guessing what most have finds up to 0.55. The mean over 1 600 bits has a
deviation of 0.0125, so that 0.62 is exceeded by chance less than once in 10^7 times.
"""

import csv
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import attackers
import numpy as np
import pytest

from sandbox.data.genotype import DOSAGE, decode

HERE = Path(os.environ.get("SAFECONDUCT_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
GENOMES = HERE / "pgs"
STUDIES, TESTED, COMMON = 40, 100, 0.05
MEMBERSHIP_RHO, MEMBERSHIP_REACH = 24_400_000, 0.562
SECRETS, BITS, COUNTS = 8, 200, 800
TOTAL_RHO, FOUND_REACH = 24_300_000, 0.62


@pytest.fixture(scope="module")
def dosages() -> attackers.Counts:
    """How many ALT alleles each European has: one row per person, one column per variant that is common in them."""
    if not GENOMES.is_dir():
        pytest.skip(f"no real genomes at {GENOMES}; set SAFECONDUCT_TEST_DATA to the folder with pgs/")
    with (GENOMES / "ref.psam").open(newline="") as text:
        european = {row["#IID"] for row in csv.DictReader(text, delimiter="\t") if row["SuperPop"] == "EUR"}
    with gzip.open(GENOMES / "tiny1000G.vcf.gz", "rb") as stream:
        lines = [line.rstrip().split(b"\t", 9)[9] for line in stream if not line.startswith(b"##")]
    names = lines[0].decode().split("\t")
    chosen = [at for at, name in enumerate(names) if name in european]
    everybody = [DOSAGE[decode(calls, len(names), 1, 1)][chosen] for calls in lines[1:]]
    found = np.array(everybody, dtype=np.int64).T
    frequencies = found.mean(axis=0) / 2
    return found[:, (frequencies >= COMMON) & (frequencies <= 1 - COMMON)]


def mean_auc(dosages: attackers.Counts, release: attackers.Release) -> float:
    """Average over studies of people drawn by chance."""
    generator = np.random.default_rng(20261126)
    frequencies, areas = dosages.mean(axis=0) / 2, []
    for _ in range(STUDIES):
        drawn = dosages[generator.permutation(len(dosages))[: 2 * TESTED]]
        study = attackers.Study(frequencies=frequencies, inside=drawn[:TESTED], outside=drawn[TESTED:])
        areas.append(attackers.membership_auc(study, release, TESTED))
    return float(np.mean(areas))


def mean_found(dosages: attackers.Counts, release: attackers.Release) -> float:
    """Average over the variants that about half of the people carry."""
    generator = np.random.default_rng(20261126)
    carriers = (dosages[:BITS] > 0).astype(np.int64)
    halves = np.argsort(np.abs(carriers.mean(axis=0) - 0.5))[:SECRETS]
    return float(np.mean([attackers.reconstructed(generator, carriers[:, at], COUNTS, release) for at in halves]))


def test_real_members_cannot_be_told_from_frequencies_of_the_gate(dosages: attackers.Counts) -> None:
    area = mean_auc(dosages, attackers.through_the_gate(2, MEMBERSHIP_RHO))
    print(f"membership of real people, {dosages.shape[1]} variants, rho 0.0244: AUC {area:.3f}")

    assert area <= MEMBERSHIP_REACH


def test_real_bits_cannot_be_found_from_counts_of_the_gate(dosages: attackers.Counts) -> None:
    found = mean_found(dosages, attackers.through_the_gate(1, TOTAL_RHO))
    print(f"reconstruction of real carriers, epsilon 1 in total: {found:.1%}")

    assert found <= FOUND_REACH


@pytest.mark.parametrize("release", [attackers.exact, attackers.suppressed_and_rounded])
@pytest.mark.parametrize(("attack", "reached"), [(mean_auc, 0.9), (mean_found, 0.99)])
def test_real_people_are_told_from_exact_and_from_suppressed_counts(
    dosages: attackers.Counts,
    attack: Callable[[attackers.Counts, attackers.Release], float],
    reached: float,
    release: attackers.Release,
) -> None:
    found = attack(dosages, release)
    print(f"{attack.__name__} of real people, {release.__name__}: {found:.3f}")

    assert found >= reached
