"""A small cohort, written as a data holder would bring it. Plain helpers, no fixtures."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from sandbox.data.ingest import IngestOptions, Sources, ingest, new_snapshot_id
from sandbox.domain.dataset import Column, Kind, Unit

KEY = bytes(range(32))
TODAY = date(2026, 11, 23)
HEADER = """##fileformat=VCFv4.2
##contig=<ID=chr1>
##contig=<ID=chr2>
##contig=<ID=chrX>
##FILTER=<ID=LowQual,Description="Low">
##INFO=<ID=AC,Number=A,Type=Integer,Description="Carried">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
"""
SITES = (
    ("chr1", 100, "rs100", "A", "G"),
    ("chr1", 200, "rs200", "C", "T"),
    ("chr1", 300, "rs300", "G", "GA"),
    ("chr2", 50, "rs50", "T", "C"),
    ("chr2", 60, "rs60", "AT", "A"),
)
SMOKER = Column(name="smoker", kind=Kind.CATEGORY, categories=("never", "former", "current"))
BMI = Column(name="bmi", kind=Kind.NUMBER, decimals=1)


@dataclass(frozen=True)
class Cohort:
    """People and records in the holder's own spelling.

    people: columns of the sample table by subject. records: chrom, pos, id, ref, alts. calls: one call per record, by
    subject. families: the family of everybody who has one.
    """

    people: Mapping[str, Mapping[str, str]]
    records: Sequence[tuple[str, int, str, str, str]]
    calls: Mapping[str, Sequence[str]]
    families: Mapping[str, str]
    listed: bool = False

    def write(self, folder: Path) -> Sources:
        """Write the holder's files."""
        folder.mkdir(parents=True, exist_ok=True)
        samples = sorted(self.people)
        columns = sorted({name for row in self.people.values() for name in row})
        lines = [["subject_id", *columns], *([s, *(self.people[s].get(c, "") for c in columns)] for s in samples)]
        return Sources(
            vcf=write_vcf(folder / "cohort.vcf.gz", samples, self.rows(samples)),
            samples=write_tsv(folder / "subjects.tsv", lines),
            pedigree=write_tsv(folder / "pedigree.ped", [[f, s, "0", "0", "0", "0"] for s, f in self.families.items()]),
            sites=write_sites(folder / "sites.tsv", SITES) if self.listed else None,
        )

    def rows(self, samples: Sequence[str]) -> list[str]:
        """Return VCF lines. QUAL, FILTER and INFO tell about everybody, as those of a caller do."""
        lines = []
        for at, (chrom, pos, name, ref, alts) in enumerate(self.records):
            calls = [self.calls[s][at] for s in samples]
            carried = sum(call.count("1") for call in calls)
            around = [str(carried), "PASS" if carried > 5 else "LowQual", f"AC={carried}"]
            lines.append("\t".join([chrom, str(pos), name, ref, alts, *around, "GT", *calls]))
        return lines

    def without(self, *gone: str) -> "Cohort":
        """Return the same cohort without some people; a site that nobody carries any more is not called any more."""
        people = {s: row for s, row in self.people.items() if s not in gone}
        called = [
            at
            for at in range(len(self.records))
            if self.listed or any(set("123") & set(self.calls[s][at]) for s in people)
        ]
        return replace(
            self,
            people=people,
            records=[self.records[at] for at in called],
            calls={s: [self.calls[s][at] for at in called] for s in people},
            families={s: f for s, f in self.families.items() if s not in gone},
        )

    def family(self, name: str) -> tuple[str, ...]:
        """Return the members of a family."""
        return tuple(s for s, f in self.families.items() if f == name)


def make_cohort(units: int = 40, *, listed: bool = False, seed: int = 7) -> Cohort:
    """Return a cohort of families of one to three; everybody carries something common, and some have diagnoses."""
    rng = random.Random(seed)
    people, calls, families = {}, {}, {}
    for unit in range(units):
        for member in "abc"[: rng.randint(1, 3)]:
            subject = f"S{unit:03d}{member}"
            people[subject] = {
                "sex": rng.choice(("female", "male")),
                "age": str(rng.randint(20, 90)),
                "diagnoses": rng.choice(("", "E11.9", "I10;E78.0")),
                "smoker": rng.choice(("never", "former")),
                "bmi": f"{rng.uniform(18, 40):.4f}",
            }
            calls[subject] = [rng.choice(("0/0", "0/1", "1|0", "1/1", "./.")) for _ in SITES]
            families[subject] = f"F{unit:03d}"
    return Cohort(people=people, records=SITES, calls=calls, families=families, listed=listed)


def write_vcf(path: Path, samples: Sequence[str], rows: Sequence[str], *, index: bool = True) -> Path:
    """Write a bgzipped VCF and its index."""
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
    with pysam.BGZFile(str(path), "wb", index=None) as stream:
        stream.write((HEADER + "\t".join(columns) + "\n" + "".join(row + "\n" for row in rows)).encode())
    if index:
        pysam.tabix_index(str(path), preset="vcf", force=True)
    return path


def write_tsv(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    """Write tab-separated text."""
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return path


def write_sites(path: Path, sites: Sequence[tuple[str, int, str, str, str]]) -> Path:
    """Write a public site list."""
    return write_tsv(path, [["CHROM", "POS", "ID", "REF", "ALT"], *([c, str(p), *rest] for c, p, *rest in sites)])


def as_binary(sources: Sources) -> Sources:
    """Write the same files as BCF and Parquet, whose dictionaries and statistics tell about everybody."""
    bcf = sources.vcf.with_name("cohort.bcf")
    with pysam.VariantFile(str(sources.vcf)) as opened, pysam.VariantFile(str(bcf), "wb", header=opened.header) as out:
        for record in opened:
            out.write(record)
    pysam.tabix_index(str(bcf), preset="bcf", force=True)
    rows = [line.split("\t") for line in sources.samples.read_text().splitlines()]
    columns = {name: [row[at] for row in rows[1:]] for at, name in enumerate(rows[0])}
    table = sources.samples.with_suffix(".parquet")
    pq.write_table(pa.table(columns), table, use_dictionary=True, write_statistics=True)
    return replace(sources, vcf=bcf, samples=table)


def make_options(**changes: Any) -> IngestOptions:
    """Return ordinary choices of a holder: families of at most four, sixty slots, two declared columns."""
    plain = IngestOptions(
        unit=Unit.FAMILY, maximum_family_size=4, slots=60, today=TODAY, columns=(SMOKER, BMI), diagnosis_codes=None
    )
    return replace(plain, **changes)


def ingest_cohort(
    cohort: Cohort, folder: Path, previous: Path | None = None, *, binary: bool = False, **changes: Any
) -> Path:
    """Write and ingest a cohort, as text or as BCF and Parquet; return the snapshot's folder."""
    snapshot_id = new_snapshot_id()
    sources = cohort.write(folder / f"files-{snapshot_id}")
    sources = as_binary(sources) if binary else sources
    ingest(sources, folder / "snapshots", KEY, make_options(**changes), snapshot_id=snapshot_id, previous=previous)
    return folder / "snapshots" / snapshot_id
