"""Read the records of a VCF or BCF, once and in order, and refuse a file that is not whole.

What is checked, each with its own code:

1. the file is there, is compressed in blocks (BGZF) and ends with the empty block that marks its end: `vcf-truncated`
2. its header names each sample once: `vcf-duplicate-sample`
3. its records are ordered by position within each chromosome, and no chromosome comes twice: `vcf-unsorted`
4. it has an index that names the same chromosomes: `vcf-index-missing`, `vcf-index-stale`
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import pysam

from sandbox.errors import BadInput

_BGZF_END: Final = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
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
    _check_container(path)
    with _reading(path), gzip.open(path, "rb") as stream:
        binary = stream.peek(3)[:3] == b"BCF"
        samples = _bcf_samples(stream) if binary else _vcf_samples(stream, path)
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
    with _reading(path), gzip.open(path, "rb") as stream:
        for line in stream:
            if not line.startswith(b"#") and line.strip():
                yield line


def _bcf_lines(path: Path) -> Iterator[bytes]:
    silence = pysam.set_verbosity(0)
    try:
        with _reading(path), pysam.VariantFile(str(path), "rb") as stream:
            for record in stream:
                yield str(record).encode()
    finally:
        pysam.set_verbosity(silence)


def _vcf_samples(stream: gzip.GzipFile, path: Path) -> tuple[str, ...]:
    first = stream.readline()
    if not first.startswith(b"##fileformat=VCF"):
        raise BadInput("vcf-malformed", f"{path.name} does not begin with a VCF header.")
    for line in stream:
        if line.startswith(b"#CHROM"):
            return tuple(line.decode().rstrip("\r\n").split("\t")[_FIXED_COLUMNS:])
        if not line.startswith(b"##"):
            break
    raise BadInput("vcf-malformed", f"{path.name} has no #CHROM line.")


def _bcf_samples(stream: gzip.GzipFile) -> tuple[str, ...]:
    stream.read(5)
    length = int.from_bytes(stream.read(4), "little")
    header = stream.read(length).rstrip(b"\0").decode()
    named = [line for line in header.splitlines() if line.startswith("#CHROM")]
    return tuple(named[0].split("\t")[_FIXED_COLUMNS:]) if named else ()


def _check_samples(path: Path, samples: tuple[str, ...]) -> None:
    if not samples:
        raise BadInput("vcf-no-samples", f"{path.name} holds no samples.")
    if len(set(samples)) < len(samples):
        twice = sorted({name for name in samples if samples.count(name) > 1})[0]
        raise BadInput("vcf-duplicate-sample", f"{path.name} names the sample {twice} twice.")


def _check_container(path: Path) -> None:
    with path.open("rb") as raw:
        head = raw.read(18)
        raw.seek(max(0, path.stat().st_size - len(_BGZF_END)))
        tail = raw.read()
    if head[:2] != b"\x1f\x8b":
        raise BadInput("vcf-not-bgzf", f"{path.name} is not compressed; compress it with `bgzip` and index it.")
    if head[3:4] != b"\x04" or head[12:14] != b"BC":
        raise BadInput("vcf-not-bgzf", f"{path.name} is plain gzip; compress it with `bgzip` and index it.")
    if tail != _BGZF_END:
        sentence = f"{path.name} is cut off: the block that marks its end is missing. Copy it again, whole."
        raise BadInput("vcf-truncated", sentence)


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


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError, zlib.error, ValueError) as error:
        sentence = f"{path.name} is damaged and cannot be read to its end. Copy it again, whole."
        raise BadInput("vcf-truncated", sentence) from error
