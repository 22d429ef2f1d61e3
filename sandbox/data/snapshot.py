"""An immutable snapshot: what it is made of, how it is written whole or not at all, how it is read.

A snapshot is a folder named by its random id, readable by the node alone:

    snapshot.json      manifest: public choices, exact numbers, checksums of the sources. Never leaves the node
    people.parquet     one row per person, ordered by micro-block, unit and name
    lineage.parquet    every person ever seen in this lineage: name in chambers, unit, slot
    sites.parquet      one row per biallelic site, in the order of `Site.rank`, with the row of its genotypes
    genotypes.u8       rows of one byte per person (see `genotype`)

It is built in a folder beside, flushed to the disk, made read-only and renamed: a crash leaves no half snapshot.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.data.genotype import Codes
from sandbox.data.partition import Lineage
from sandbox.data.site import Site, SiteList
from sandbox.domain.dataset import ANY_DIAGNOSIS, Column, DatasetFacts, Kind, Unit, diagnosis_column
from sandbox.errors import BadInput

FORMAT: Final = 1
MANIFEST: Final = "snapshot.json"
PEOPLE: Final = "people.parquet"
LINEAGE: Final = "lineage.parquet"
SITES: Final = "sites.parquet"
GENOTYPES: Final = "genotypes.u8"
ASSUMPTIONS: Final = (
    "A person's genotypes, and their phase, are taken as that person's own data although a cohort was called jointly.",
    "People of different privacy units are taken as unrelated.",
)
NO_SITE_LIST: Final = "A site shows in a block only where a member carries it: absence is not a reference call."


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotInfo:
    """What ingest found. The exact numbers and checksums are for the data holder's eyes only.

    dropped_members: people beyond the maximum family size. unlisted_records: alleles of the VCF that were not kept,
    because the public list does not have them or they are no change of sequence.
    """

    snapshot_id: str
    unit: Unit
    maximum_family_size: int
    slots: int
    micro_blocks: int
    columns: tuple[Column, ...]
    diagnosis_codes: tuple[str, ...] | None
    public_sites: int | None
    people_exact: int
    units: int
    sites: int
    dropped_members: int
    unlisted_records: int
    sources: Mapping[str, str]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that an order may ask for."""
        codes = self.diagnosis_codes
        named = (ANY_DIAGNOSIS,) if codes is None else tuple(diagnosis_column(code) for code in codes)
        return ("sex", "age", *(column.name for column in self.columns), *named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A snapshot opened for staging. The genotypes stay on disk until a row is asked for."""

    info: SnapshotInfo
    people: Mapping[str, Sequence[Any]]
    sites: SiteList
    rows: npt.NDArray[np.int64]  # site -> row of its genotypes
    genotypes: Codes

    @property
    def listed(self) -> bool:
        """Whether the sites come from a public list."""
        return self.info.public_sites is not None


@contextmanager
def building(out_dir: Path, snapshot_id: str) -> Iterator[Path]:
    """Yield a folder to build a snapshot in; it appears under its name whole, or not at all."""
    final, partial = out_dir / snapshot_id, out_dir / f".{snapshot_id}.partial"
    if final.exists():
        raise BadInput("snapshot-exists", f"There is a snapshot {snapshot_id} already; snapshots are never rewritten.")
    out_dir.mkdir(parents=True, exist_ok=True)
    partial.mkdir(mode=0o700)
    try:
        yield partial
        _settle(partial)
        partial.rename(final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _flush(out_dir)


def _settle(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o400)
        _flush(path)
    _flush(folder)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_info(folder: Path, info: SnapshotInfo) -> None:
    """Write the manifest."""
    text = json.dumps({"format": FORMAT, **asdict(info)}, indent=1, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n")


def write_table(path: Path, columns: Mapping[str, Any]) -> None:
    """Write columns as Parquet."""
    pq.write_table(pa.table(dict(columns)), path, compression="zstd")


def read_info(snapshot_dir: Path) -> SnapshotInfo:
    """Read a snapshot's manifest."""
    fields = json.loads((snapshot_dir / MANIFEST).read_text())
    if fields.pop("format") != FORMAT:
        raise BadInput("snapshot-format", f"Snapshot {snapshot_dir.name} was written by another version; ingest anew.")
    codes = fields["diagnosis_codes"]
    columns = (
        Column(**{**c, "kind": Kind(c["kind"]), "categories": tuple(c["categories"])}) for c in fields["columns"]
    )
    return SnapshotInfo(
        **{
            **fields,
            "unit": Unit(fields["unit"]),
            "columns": tuple(columns),
            "diagnosis_codes": None if codes is None else tuple(codes),
        }
    )


def read_lineage(snapshot_dir: Path) -> Lineage:
    """Read what the lineage remembers."""
    table = pq.read_table(snapshot_dir / LINEAGE).to_pydict()
    return Lineage(
        units=dict(zip(table["name"], table["unit"], strict=True)),
        slots=dict(zip(table["unit"], table["slot"], strict=True)),
    )


def read_sites(snapshot_dir: Path) -> tuple[SiteList, npt.NDArray[np.int64]]:
    """Read the sites, and where the genotypes of each are."""
    table = pq.read_table(snapshot_dir / SITES).to_pydict()
    places = zip(table["chrom"], table["pos"], table["ref"], table["alt"], strict=True)
    named = zip((Site(*place) for place in places), table["name"], strict=True)
    return SiteList(named), np.array(table["row"], dtype=np.int64)


def open_snapshot(snapshot_dir: Path) -> Snapshot:
    """Open a snapshot for staging."""
    info = read_info(snapshot_dir)
    sites, rows, genotypes = open_genotypes(snapshot_dir, info)
    people = pq.read_table(snapshot_dir / PEOPLE).to_pydict()
    return Snapshot(info=info, people=people, sites=sites, rows=rows, genotypes=genotypes)


def open_genotypes(snapshot_dir: Path, info: SnapshotInfo) -> tuple[SiteList, npt.NDArray[np.int64], Codes]:
    """Return the sites, the row of each one's genotypes, and the genotypes, which stay on disk until they are read."""
    sites, rows = read_sites(snapshot_dir)
    path = snapshot_dir / GENOTYPES
    shape = (path.stat().st_size // info.people_exact, info.people_exact)
    genotypes: Codes = np.memmap(path, np.uint8, "r", shape=shape) if shape[0] else np.empty(shape, np.uint8)
    return sites, rows, genotypes


def public_variants(snapshot_dir: Path, limit: int) -> tuple[str, ...]:
    """Return the first names of the public site list, for the catalogue; none when there is no public list."""
    if read_info(snapshot_dir).public_sites is None:
        return ()
    return tuple(names.partition(";")[0] for names in read_sites(snapshot_dir)[0].names[:limit])


def facts_of(
    info: SnapshotInfo,
    *,
    dataset: str,
    lineage: str,
    people: int,
    duo: tuple[str, ...],
    country: str,
    assembly: str,
) -> DatasetFacts:
    """Return the public facts of a snapshot: the holder's declarations, and no number that ingest counted.

    `people` is the holder's rounded number, chosen by a person.
    """
    return DatasetFacts(
        dataset=dataset,
        lineage=lineage,
        snapshot=info.snapshot_id,
        people=people,
        slots=info.slots,
        unit=info.unit,
        maximum_family_size=info.maximum_family_size,
        columns=info.column_names,
        sites=info.public_sites,
        duo=duo,
        country=country,
        assembly=assembly,
        assumptions=ASSUMPTIONS if info.public_sites is not None else (*ASSUMPTIONS, NO_SITE_LIST),
    )
