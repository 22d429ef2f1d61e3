"""Make a believable cohort whose truth is known, as the files that a data holder would bring.

cohort.vcf.gz, .tbi    genotypes of named variants, GRCh38, with AC and AN as a caller writes them
subjects.parquet       subject_id, administrative_gender, birth_date (year and month), age, country_of_origin
diagnoses.parquet      subject_id, diagnosis (ICD-10)
treatments.parquet     subject_id, type, treatment_code (ATC)
pedigree.ped           family, person, father, mother, sex, phenotype (E11)
sites.tsv              the public list: CHROM POS ID REF ALT
truth.json             what nobody knows of a real cohort: the effects that were drawn from, exact frequencies
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from sandbox.data.cohort import Cohort, draw_cohort
from sandbox.data.reference import ASSEMBLY, COUNTRIES, DISEASES, VARIANTS, Disease, Variant
from sandbox.errors import BadInput

Progress = Callable[[str], None]
Names = npt.NDArray[np.str_]

MAXIMUM_PEOPLE: Final = 1_000_000
REFERENCE_YEAR: Final = 2026  # ages are those on 1 January of this year
_CALLS: Final = np.frombuffer(b"\t0|0\t0|1\t1|0\t1|1", dtype=np.uint8).reshape(4, 4)
_LENGTHS: Final = (  # of the chromosomes of GRCh38
    ("1", 248956422), ("2", 242193529), ("3", 198295559), ("4", 190214555), ("5", 181538259), ("6", 170805979),
    ("7", 159345973), ("8", 145138636), ("9", 138394717), ("10", 133797422), ("11", 135086622), ("12", 133275309),
    ("13", 114364328), ("14", 107043718), ("15", 101991189), ("16", 90338345), ("17", 83257441), ("18", 80373285),
    ("19", 58617616), ("20", 64444167), ("21", 46709983), ("22", 50818468),
)  # fmt: skip


def synthesise(
    country: str, people: int, seed: int, out: Path, progress: Progress = lambda _: None
) -> tuple[Path, ...]:
    """Write a cohort into the folder `out` and return its files; the same arguments write the same bytes.

    Refused: a country that is none of the initiative's (`country-unknown`), fewer than 1 or more than 1 000 000 people
    (`people-range`).
    """
    if country not in COUNTRIES:
        raise BadInput("country-unknown", f"{country!r} is not one of {' '.join(sorted(COUNTRIES))}.")
    if not 1 <= people <= MAXIMUM_PEOPLE:
        raise BadInput("people-range", f"A cohort has between 1 and {MAXIMUM_PEOPLE} people, not {people}.")
    progress("Drawing families, genotypes and diagnoses")
    cohort = draw_cohort(country, people, seed)
    ids = [f"{country}{number:07d}" for number in range(1, people + 1)]
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".partial-") as partial:
        folder = Path(partial)
        progress("Writing genotypes")
        write_vcf(folder / "cohort.vcf.gz", cohort, ids)
        progress("Writing subjects, diagnoses, treatments and pedigree")
        _write_tables(folder, cohort, ids, country)
        write_pedigree(folder / "pedigree.ped", cohort, ids)
        write_sites(folder / "sites.tsv")
        _write_truth(folder / "truth.json", cohort, country, seed)
        return _publish(folder, out)


def _publish(folder: Path, out: Path) -> tuple[Path, ...]:
    """Move the files to their place; the truth, which says that a cohort is complete, comes last."""
    names = sorted((path.name for path in folder.iterdir()), key=lambda name: (name == "truth.json", name))
    for name in names:
        with (folder / name).open("rb") as done:
            os.fsync(done.fileno())
        shutil.move(folder / name, out / name)
    return tuple(out / name for name in names)


def write_vcf(path: Path, cohort: Cohort, ids: list[str], variants: Sequence[Variant] = VARIANTS) -> None:
    """Write genotypes as a caller would, with the cohort's own AC and AN, and their index."""
    order = sorted(range(len(variants)), key=lambda at: (int(variants[at].chrom), variants[at].pos))
    with pysam.BGZFile(str(path), "wb", index=None) as stream:
        stream.write(_header(ids).encode())
        for at in order:
            variant, copies = variants[at], cohort.copies[:, at]
            carried = int(copies.sum(dtype=np.int64))
            start = (
                f"chr{variant.chrom}\t{variant.pos}\t{variant.rsid}\t{variant.ref}\t{variant.alt}\t.\tPASS\t"
                f"AC={carried};AN={2 * cohort.people};GENE={variant.gene}\tGT"
            )
            stream.write(start.encode() + _CALLS[2 * copies[0] + copies[1]].tobytes() + b"\n")
    pysam.tabix_index(str(path), preset="vcf", force=True)


def _header(ids: list[str]) -> str:
    lines = ["##fileformat=VCFv4.3", "##source=safeconduct-synthesise", '##FILTER=<ID=PASS,Description="Passed">']
    lines += [f"##contig=<ID=chr{name},length={length},assembly={ASSEMBLY}>" for name, length in _LENGTHS]
    lines += [
        '##INFO=<ID=AC,Number=A,Type=Integer,Description="Alleles counted">',
        '##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles called">',
        '##INFO=<ID=GENE,Number=1,Type=String,Description="Gene">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *ids]),
    ]
    return "\n".join(lines) + "\n"


def _write_tables(folder: Path, cohort: Cohort, ids: list[str], country: str) -> None:
    births = [f"{REFERENCE_YEAR - 1 - age}-{at % 11 + 2:02d}" for at, age in enumerate(cohort.age.tolist())]
    subjects = {
        "subject_id": ids,
        "administrative_gender": np.where(cohort.male, "male", "female"),
        "birth_date": births,
        "age": cohort.age,
        "country_of_origin": [country] * cohort.people,
    }
    pq.write_table(pa.table(subjects), folder / "subjects.parquet")
    people = np.array(ids)
    write_diagnoses(folder / "diagnoses.parquet", cohort, people)
    drugs = [(people[cohort.treated[at]], d.drug[0]) for at, d in enumerate(DISEASES) if d.drug]
    _write_events(folder / "treatments.parquet", drugs, "treatment_code", {"type": "drug"})


def write_diagnoses(path: Path, cohort: Cohort, people: Names, diseases: Sequence[Disease] = DISEASES) -> None:
    """Write who has which diagnosis."""
    sick = [(people[cohort.diagnosed[at]], disease.code) for at, disease in enumerate(diseases)]
    _write_events(path, sick, "diagnosis", {})


def _write_events(path: Path, events: list[tuple[Names, str]], noun: str, constant: dict[str, str]) -> None:
    who = np.concatenate([people for people, _ in events])
    what = np.concatenate([np.full(len(people), code) for people, code in events])
    order = np.lexsort((what, who))
    columns = {"subject_id": who[order], noun: what[order]}
    columns |= {name: np.full(len(who), value) for name, value in constant.items()}
    pq.write_table(pa.table(columns), path)


def write_pedigree(path: Path, cohort: Cohort, ids: list[str]) -> None:
    """Write who descends from whom; the phenotype is the first of the cohort's diseases."""
    named = [*ids, "0"]  # index -1 is the unknown parent
    first = cohort.diagnosed[0]
    rows = zip(
        cohort.family.tolist(),
        ids,
        (named[at] for at in cohort.father.tolist()),
        (named[at] for at in cohort.mother.tolist()),
        np.where(cohort.male, 1, 2).tolist(),
        np.where(first, 2, 1).tolist(),
        strict=True,
    )
    path.write_text("".join(f"F{family:06d}\t" + "\t".join(map(str, rest)) + "\n" for family, *rest in rows))


def write_sites(path: Path, variants: Sequence[Variant] = VARIANTS) -> None:
    """Write the public list of sites."""
    lines = ["CHROM\tPOS\tID\tREF\tALT"]
    lines += [f"chr{v.chrom}\t{v.pos}\t{v.rsid}\t{v.ref}\t{v.alt}" for v in variants]
    path.write_text("\n".join(lines) + "\n")


def _write_truth(path: Path, cohort: Cohort, country: str, seed: int) -> None:
    counts = cohort.copies.sum(axis=(0, 2), dtype=np.int64).tolist()
    truth = {
        "country": country,
        "seed": seed,
        "people": cohort.people,
        "families": int(cohort.family.max()) + 1,
        "largest_family": int(np.bincount(cohort.family).max()),
        "assembly": ASSEMBLY,
        "ages_on": f"{REFERENCE_YEAR}-01-01",
        "variants": [
            {
                "id": v.rsid,
                "gene": v.gene,
                "site": f"{v.chrom}:{v.pos}:{v.ref}:{v.alt}",
                "expected_frequency": v.frequency(country),
                "alleles": count,
                "frequency": count / (2 * cohort.people),
            }
            for v, count in zip(VARIANTS, counts, strict=True)
        ],
        "effects": [
            {"diagnosis": d.code, "variant": rsid, "log_odds_ratio": effect, "adjusted_for": ["age", "sex"]}
            for d in DISEASES
            for rsid, effect in d.variants
        ],
        "diagnoses": {d.code: int(cohort.diagnosed[at].sum()) for at, d in enumerate(DISEASES)},
    }
    path.write_text(json.dumps(truth, indent=1) + "\n")
