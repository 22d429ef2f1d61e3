"""A small cohort, written as a data holder would bring it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pysam

from sandbox.data.ingest import IngestOptions, Sources
from sandbox.domain.dataset import Unit

KEY = bytes(range(32))
TODAY = date(2026, 11, 23)
HEADER = "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n##contig=<ID=chr2>\n"
HEADER += '##INFO=<ID=AC,Number=A,Type=Integer,Description="Carried">\n'
HEADER += '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'


@dataclass(frozen=True)
class Cohort:
    """People and records in the holder's own order; `write` makes the files."""

    people: Mapping[str, Mapping[str, str]]
    records: Sequence[tuple[str, int, str, str, str]]  # chrom, pos, id, ref, alts
    calls: Mapping[str, Sequence[str]]  # one call per record
    pedigree: Sequence[str] = ()
    sites: Sequence[str] = ()
    info: Mapping[int, str] = field(default_factory=dict)

    def write(self, folder: Path, *, index: bool = True) -> Sources:
        folder.mkdir(parents=True, exist_ok=True)
        samples = sorted(self.people)
        vcf = write_vcf(folder / "cohort.vcf.gz", samples, self.rows(samples), index=index)
        table = folder / "subjects.tsv"
        columns = sorted({name for row in self.people.values() for name in row})
        lines = ["\t".join(["subject_id", *columns])]
        lines += ["\t".join([s, *(self.people[s].get(c, "") for c in columns)]) for s in samples]
        table.write_text("\n".join(lines) + "\n")
        pedigree = sites = None
        if self.pedigree:
            pedigree = folder / "pedigree.ped"
            pedigree.write_text("\n".join(self.pedigree) + "\n")
        if self.sites:
            sites = folder / "sites.tsv"
            sites.write_text("CHROM\tPOS\tID\tREF\tALT\n" + "\n".join(self.sites) + "\n")
        return Sources(vcf=vcf, samples=table, pedigree=pedigree, sites=sites)

    def rows(self, samples: Sequence[str]) -> list[str]:
        lines = []
        for at, (chrom, pos, name, ref, alts) in enumerate(self.records):
            calls = [self.calls[s][at] for s in samples]
            carried = sum(call.count("1") for call in calls)
            info = self.info.get(at, f"AC={carried}")
            lines.append("\t".join([chrom, str(pos), name, ref, alts, "50", "PASS", info, "GT", *calls]))
        return lines

    def without(self, *gone: str) -> "Cohort":
        """The same cohort without some people; sites that nobody carries any more are not called any more."""
        people = {s: row for s, row in self.people.items() if s not in gone}
        called = [at for at in range(len(self.records)) if any("1" in self.calls[s][at] for s in people)]
        return replace(
            self,
            people=people,
            records=[self.records[at] for at in called],
            calls={s: [self.calls[s][at] for at in called] for s in people},
            pedigree=[line for line in self.pedigree if line.split()[1] not in gone],
        )


def write_vcf(
    path: Path, samples: Sequence[str], rows: Sequence[str], *, index: bool = True, header: str = HEADER
) -> Path:
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
    text = header + "\t".join(columns) + "\n" + "".join(row + "\n" for row in rows)
    with pysam.BGZFile(str(path), "wb") as stream:
        stream.write(text.encode())
    if index:
        pysam.tabix_index(str(path), preset="vcf", force=True)
    return path


def options(**changes: object) -> IngestOptions:
    """Ordinary choices of a holder: families of at most four, forty slots."""
    plain = IngestOptions(unit=Unit.FAMILY, maximum_family_size=4, slots=40, today=TODAY)
    return replace(plain, **changes)  # type: ignore[arg-type]
