"""Read the records of a VCF or BCF, once and in order, and refuse a file that is not whole.

What is checked, each with its own code:

1. the file is there, is compressed in blocks, each of them whole (`bgzf`): `file-missing`, `vcf-truncated`
2. its header names each sample once: `vcf-duplicate-sample`
3. its records are ordered by position within each chromosome, and no chromosome comes twice: `vcf-unsorted`
4. it has an index that names the same chromosomes: `vcf-index-missing`, `vcf-index-stale`
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import pysam

from sandbox.data.bgzf import read_blocks, read_lines
from sandbox.errors import BadInput

_FIXED_COLUMNS: Final = 9
_SCAN_RECORDS: Final = 200_000  # how far an unindexed file is read to tell whether order is what it lacks


class Record(NamedTuple):
    """One line of a VCF. `calls` are the sample columns as bytes; each begins with its GT."""

    chrom: str
    pos: int
    ref: str
    alts: tuple[str, ...]
    calls: bytes

    @property
    def place(self) -> str:
        """Where the record is, for sentences."""
        return f"{self.chrom}:{self.pos}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantFile:
    """A VCF or BCF whose container and header were checked."""

    path: Path
    samples: tuple[str, ...]
    binary: bool


def open_variants(path: Path) -> VariantFile:
    """Check that a VCF or BCF is there, whole, indexed or at least sorted, and return its samples."""
    if not path.is_file():
        raise BadInput("file-missing", f"There is no file {path}.")
    head = next(read_blocks(path), b"")
    binary = head.startswith(b"BCF\2")
    samples = _bcf_samples(path) if binary else _vcf_samples(path)
    _check_samples(path, samples)
    opened = VariantFile(path=path, samples=samples, binary=binary)
    if _index_path(path) is None:
        _check_order_first(opened)
        sentence = f"{path.name} has no index beside it; make one with `tabix -p vcf` or `bcftools index`."
        raise BadInput("vcf-index-missing", sentence)
    return opened


def read_records(source: VariantFile) -> Iterator[Record]:
    """Yield every record in the file's order; refuse disorder, and an index of another file."""
    seen: list[str] = []
    last = 0
    for record in _records(source):
        if not seen or record.chrom != seen[-1]:
            if record.chrom in seen:
                raise _unsorted(source.path, f"chromosome {record.chrom} comes twice")
            seen.append(record.chrom)
        elif record.pos < last:
            raise _unsorted(source.path, f"{record.place} comes after position {last}")
        last = record.pos
        yield record
    _check_index(source, seen)


def _records(source: VariantFile) -> Iterator[Record]:
    lines = _bcf_lines(source.path) if source.binary else _vcf_lines(source.path)
    for number, line in enumerate(lines, start=1):
        cells = line.rstrip(b"\r\n").split(b"\t", _FIXED_COLUMNS)
        try:
            chrom, pos, _, ref, alts, _, _, _, layout, calls = cells
            where = (chrom.decode(), int(pos), ref.decode(), tuple(alts.decode().split(",")))
        except ValueError as error:
            raise BadInput("vcf-malformed", f"{source.path.name}: record {number} is not a VCF record.") from error
        if layout != b"GT" and not layout.startswith(b"GT:"):
            sentence = f"{source.path.name}: record {number} at {where[0]}:{where[1]} has no genotypes (GT)."
            raise BadInput("vcf-genotype-malformed", sentence)
        yield Record(*where, calls)


def _vcf_lines(path: Path) -> Iterator[bytes]:
    return (line for line in read_lines(path) if line.strip() and not line.startswith(b"#"))


def _bcf_lines(path: Path) -> Iterator[bytes]:
    for _ in read_blocks(path):  # htslib says nothing clear about damage, so that is looked for first
        pass
    silence = pysam.set_verbosity(0)
    try:
        with pysam.VariantFile(str(path), "rb") as stream:
            for record in stream:
                yield str(record).encode()
    except (OSError, ValueError) as error:
        raise BadInput("vcf-malformed", f"{path.name} is not a BCF that can be read ({error}).") from error
    finally:
        pysam.set_verbosity(silence)


def _vcf_samples(path: Path) -> tuple[str, ...]:
    lines = read_lines(path)
    if not next(lines, b"").startswith(b"##fileformat=VCF"):
        raise BadInput("vcf-malformed", f"{path.name} does not begin with a VCF header.")
    return _named(path, itertools.takewhile(lambda line: line.startswith(b"#"), lines))


def _bcf_samples(path: Path) -> tuple[str, ...]:
    header, length = b"", 9
    for text in read_blocks(path):
        header += text
        if len(header) >= 9:
            length = 9 + int.from_bytes(header[5:9], "little")
        if len(header) >= length:
            break
    return _named(path, header[9:length].rstrip(b"\0").splitlines())


def _named(path: Path, header: Iterable[bytes]) -> tuple[str, ...]:
    for line in header:
        if line.startswith(b"#CHROM"):
            return tuple(line.decode("utf-8", "replace").rstrip("\r").split("\t")[_FIXED_COLUMNS:])
    raise BadInput("vcf-malformed", f"{path.name} has no #CHROM line.")


def _check_samples(path: Path, samples: tuple[str, ...]) -> None:
    if not samples:
        raise BadInput("vcf-no-samples", f"{path.name} holds no samples.")
    if len(set(samples)) < len(samples):
        twice = sorted({name for name in samples if samples.count(name) > 1})[0]
        raise BadInput("vcf-duplicate-sample", f"{path.name} names the sample {twice} twice.")


def _index_path(path: Path) -> Path | None:
    for suffix in (".tbi", ".csi"):
        beside = path.with_name(path.name + suffix)
        if beside.is_file():
            return beside
    return None


def _check_order_first(source: VariantFile) -> None:
    """An unsorted file cannot be indexed, so a missing index is often not the fault to name."""
    last: dict[str, int] = {}
    for _, record in zip(range(_SCAN_RECORDS), _records(source), strict=False):
        if record.pos < last.get(record.chrom, 0) or (record.chrom in last and record.chrom != next(reversed(last))):
            raise _unsorted(source.path, f"{record.place} is out of order")
        last[record.chrom] = record.pos


def _check_index(source: VariantFile, chromosomes: list[str]) -> None:
    index = _index_path(source.path)
    stale = BadInput("vcf-index-stale", f"The index beside {source.path.name} is not that of this file; index it anew.")
    if index is None:
        raise stale
    if source.binary:
        return
    silence = pysam.set_verbosity(0)
    try:
        with pysam.TabixFile(str(source.path), index=str(index)) as table:
            named = set(table.contigs)
    except (OSError, ValueError) as error:
        raise stale from error
    finally:
        pysam.set_verbosity(silence)
    if not set(chromosomes) <= named:
        raise stale


def _unsorted(path: Path, why: str) -> BadInput:
    sentence = f"{path.name} is not sorted: {why}. Sort it (`bcftools sort`) and index it again."
    return BadInput("vcf-unsorted", sentence)
