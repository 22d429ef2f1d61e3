"""Prepare real 1000 Genomes data as one population's holder would bring it.

From a folder with a phase 3 VCF (`*.vcf.gz`), the sample panel (`*.panel`) and, when it is there, the CINECA synthetic
phenotypes (`cineca_individuals*.json.gz`, Beacon v2 individuals) this writes

    cohort.vcf.gz, .tbi    the population's samples, all records, AC and AN counted anew
    subjects.tsv           subject_id, administrative_gender, population, bmi, height, weight; no ages: there are none
    diagnoses.tsv          subject_id, diagnosis (ICD-10)
    sites.tsv              the public list, from the file of all populations
    truth.json             the exact frequencies of this population

Sites may be narrowed to those that are common in a superpopulation (its published frequency is in INFO), and to a
number of them, spread evenly over the file.
"""

import csv
import gzip
import json
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import pysam

from sandbox.data.genotype import ALLELES, DOSAGE, Codes, decode
from sandbox.data.site import Site, make_site
from sandbox.errors import BadInput

Progress = Callable[[str], None]

ASSEMBLY: Final = "GRCh37"
COUNTRY: Final = {"FIN": "FI", "GBR": "GB", "IBS": "ES", "TSI": "IT"}
MEASURES: Final = {"BMI": "bmi", "Height-standing": "height", "Weight": "weight"}
_FIXED: Final = 9


class _Line(NamedTuple):
    cells: list[str]  # the fixed columns
    calls: bytes
    site: Site


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRule:
    """Which sites a study keeps, on published facts only.

    superpopulation and minimum: the least minor allele frequency there, after INFO `<superpopulation>_AF`.
    limit: at most so many, evenly spread; None keeps all.
    """

    superpopulation: str = "EUR"
    minimum: float = 0.0
    limit: int | None = None


def prepare_genomes(
    source: Path, population: str, out: Path, rule: SiteRule | None = None, progress: Progress = lambda _: None
) -> tuple[Path, ...]:
    """Write one population of 1000 Genomes into `out` as a data holder's files, and return them.

    Refused: a folder without the files (`genomes-missing`), a population that the panel does not have
    (`population-unknown`), a rule that no site passes (`sites-none`).
    """
    panel = _read_panel(_only(source, "*.panel"))
    samples = sorted(sample for sample, (group, _) in panel.items() if group == population)
    if not samples:
        known = " ".join(sorted({group for group, _ in panel.values()}))
        raise BadInput("population-unknown", f"The panel has no population {population!r}; it has {known}.")
    progress("Reading the records of all populations")
    vcf = _only(source, "*.vcf.gz")
    everybody, lines = _read_vcf(vcf)
    kept = _choose(list(lines), rule or SiteRule())
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".partial-") as partial:
        folder = Path(partial)
        progress(f"Writing {len(samples)} people of {population}")
        counts = _write_vcf(folder / "cohort.vcf.gz", kept, everybody, samples)
        _write_people(folder, source, panel, samples, population)
        _write_sites(folder / "sites.tsv", kept)
        _write_truth(folder / "truth.json", kept, counts, population, len(samples))
        names = sorted(path.name for path in folder.iterdir())
        for name in names:
            shutil.move(folder / name, out / name)
    return tuple(out / name for name in names)


def _only(source: Path, pattern: str) -> Path:
    found = sorted(source.glob(pattern))
    if len(found) != 1:
        raise BadInput("genomes-missing", f"{source} must hold exactly one {pattern} file; it holds {len(found)}.")
    return found[0]


def _read_panel(path: Path) -> dict[str, tuple[str, str]]:
    """Return population and sex by sample."""
    with path.open(newline="") as text:
        rows = list(csv.DictReader(text, delimiter="\t"))
    try:
        return {row["sample"]: (row["pop"], row["gender"]) for row in rows}
    except KeyError as error:
        raise BadInput("genomes-missing", f"{path.name} is not a 1000 Genomes panel: no column {error}.") from error


def _read_vcf(path: Path) -> tuple[list[str], Iterator[_Line]]:
    """Return the samples, and the biallelic records. The file may be plain gzip: it is read from start to end."""
    lines = _gzip_lines(path)
    for line in lines:
        if line.startswith(b"#CHROM"):
            return line.decode().rstrip().split("\t")[_FIXED:], _biallelic(lines)
    raise BadInput("vcf-malformed", f"{path.name} has no #CHROM line.")


def _gzip_lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") as stream:
            yield from stream
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput("vcf-truncated", f"{path.name} is damaged and cannot be read to its end.") from error


def _biallelic(lines: Iterator[bytes]) -> Iterator[_Line]:
    for line in lines:
        *fixed, calls = line.rstrip(b"\r\n").split(b"\t", _FIXED)
        cells = [cell.decode() for cell in fixed]
        site = make_site(cells[0], int(cells[1]), cells[3], cells[4])
        if site is not None and cells[8] == "GT":
            yield _Line(cells, calls, site)


def _choose(lines: list[_Line], rule: SiteRule) -> list[_Line]:
    common = [line for line in lines if _minor(line, rule.superpopulation) >= rule.minimum]
    limit = len(common) if rule.limit is None else min(rule.limit, len(common))
    if limit < 1:
        raise BadInput("sites-none", f"No site has a minor allele frequency of {rule.minimum} or more.")
    return [common[at * len(common) // limit] for at in range(limit)]


def _minor(line: _Line, superpopulation: str) -> float:
    found = re.search(rf"(?:^|;){re.escape(superpopulation)}_AF=([^;,]+)", line.cells[7])
    frequency = float(found[1]) if found else 0.0
    return min(frequency, 1 - frequency)


def _write_vcf(
    path: Path, lines: Sequence[_Line], everybody: Sequence[str], samples: Sequence[str]
) -> list[tuple[int, int]]:
    """Write the samples' records; return the counted ALT and called alleles of each."""
    at = {sample: column for column, sample in enumerate(everybody)}
    columns = [at[sample] for sample in samples]
    counts = []
    with pysam.BGZFile(str(path), "wb", index=None) as stream:
        stream.write(_header(lines, samples).encode())
        for line in lines:
            codes: Codes = decode(line.calls, len(everybody), 1, 1)[columns]
            carried, called = int(DOSAGE[codes].sum(dtype=int)), int(ALLELES[codes].sum(dtype=int))
            counts.append((carried, called))
            cells = line.calls.split(b"\t")
            start = "\t".join([*line.cells[:7], f"AC={carried};AN={called}", "GT"])
            stream.write(b"\t".join([start.encode(), *(cells[column] for column in columns)]) + b"\n")
    pysam.tabix_index(str(path), preset="vcf", force=True)
    return counts


def _header(lines: Sequence[_Line], samples: Sequence[str]) -> str:
    names = dict.fromkeys(line.cells[0] for line in lines)
    return "\n".join(
        [
            "##fileformat=VCFv4.2",
            '##FILTER=<ID=PASS,Description="Passed">',
            *(f"##contig=<ID={name},assembly={ASSEMBLY}>" for name in names),
            '##INFO=<ID=AC,Number=A,Type=Integer,Description="Alleles counted">',
            '##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles called">',
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
            "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]) + "\n",
        ]
    )


def read_phenotypes(path: Path) -> dict[str, dict[str, Any]]:
    """Read Beacon v2 individuals: by id, the sex, the ICD-10 codes and the measures that were taken."""
    with gzip.open(path, "rt") as text:
        individuals = json.load(text)
    return {
        person["id"]: {
            "sex": person["sex"]["label"],
            "diagnoses": sorted({d["diseaseCode"]["id"].rpartition(":")[2] for d in person.get("diseases", ())}),
            **{
                MEASURES[measure["assayCode"]["label"]]: measure["measurementValue"]["value"]
                for measure in person.get("measures", ())
                if measure["assayCode"]["label"] in MEASURES
            },
        }
        for person in individuals
    }


def _write_people(
    folder: Path, source: Path, panel: Mapping[str, tuple[str, str]], samples: Sequence[str], population: str
) -> None:
    found = sorted(source.glob("cineca_individuals*.json.gz"))
    phenotypes = read_phenotypes(found[0]) if found else {}
    names = list(MEASURES.values())
    subjects = [["subject_id", "administrative_gender", "population", *names]]
    diagnoses = [["subject_id", "diagnosis"]]
    for sample in samples:
        known = phenotypes.get(sample, {})
        subjects.append([sample, panel[sample][1], population, *(str(known.get(name, "")) for name in names)])
        diagnoses += [[sample, code] for code in known.get("diagnoses", ())]
    _write_tsv(folder / "subjects.tsv", subjects)
    _write_tsv(folder / "diagnoses.tsv", diagnoses)


def _write_sites(path: Path, lines: Sequence[_Line]) -> None:
    _write_tsv(path, [["CHROM", "POS", "ID", "REF", "ALT"], *(line.cells[:5] for line in lines)])


def _write_tsv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    path.write_text("".join("\t".join(row) + "\n" for row in rows))


def _write_truth(
    path: Path, lines: Sequence[_Line], counts: Sequence[tuple[int, int]], population: str, people: int
) -> None:
    truth = {
        "population": population,
        "country": COUNTRY.get(population),
        "people": people,
        "families": people,
        "largest_family": 1,
        "assembly": ASSEMBLY,
        "variants": [
            {
                "id": line.cells[2],
                "site": line.site.key,
                "alleles": carried,
                "called": called,
                "frequency": carried / called if called else None,
            }
            for line, (carried, called) in zip(lines, counts, strict=True)
        ],
    }
    path.write_text(json.dumps(truth, indent=1) + "\n")
