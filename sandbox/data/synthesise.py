"""Make a believable cohort whose truth is known."""

from pathlib import Path


def synthesise(country: str, people: int, seed: int, out: Path) -> tuple[Path, ...]:
    """Write cohort.vcf.gz(.tbi), subjects, diagnoses and treatments (.parquet), pedigree.ped, sites.tsv, truth.json."""
    raise NotImplementedError
