"""Turn a holder's files into an immutable snapshot."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sandbox.data.snapshot import SnapshotInfo
from sandbox.domain.dataset import Column, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The holder's files. Only the genotypes and the sample table are required."""

    vcf: Path
    samples: Path
    diagnoses: Path | None = None
    pedigree: Path | None = None
    sites: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """Public choices of the data holder, fixed for the lineage. None of them has a default that touches privacy.

    slots: the public number of unit chambers, at least the number of units.
    today: the day at which ages are computed from birth dates.
    absent_sites_are_reference: what a public site means that the VCF does not mention; refused when false.
    """

    unit: Unit
    maximum_family_size: int
    slots: int
    today: date
    columns: tuple[Column, ...] = ()
    diagnosis_codes: tuple[str, ...] | None = None
    absent_sites_are_reference: bool = False


def new_snapshot_id() -> str:
    """Return a random name for a snapshot: it says nothing about what is inside."""
    raise NotImplementedError


def ingest(
    sources: Sources,
    out_dir: Path,
    key: bytes,
    options: IngestOptions,
    *,
    snapshot_id: str,
    previous: Path | None = None,
) -> SnapshotInfo:
    """Write `out_dir/<snapshot_id>` or nothing; raise BadInput with one sentence when the files are not right."""
    raise NotImplementedError
