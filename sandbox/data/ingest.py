"""Turn a holder's files into an immutable snapshot.

1. Read the sample table, diagnoses and pedigree; refuse what does not fit together.
2. Give every person a unit, keep at most M members of each, give units their micro-blocks and slots (`partition`).
3. Read the genotypes once, split every record by ALT, keep the sites of the public list, or all without one.
4. Write the snapshot beside, and rename it when it is whole.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Final

from sandbox.data.partition import (
    EMPTY,
    MICRO_BLOCKS,
    KeyedHash,
    Lineage,
    Member,
    assign_slots,
    assign_units,
    keep_members,
)
from sandbox.data.pedigree import families, read_pedigree
from sandbox.data.rows import write_genotypes, write_sites
from sandbox.data.site import read_public_sites
from sandbox.data.snapshot import (
    GENOTYPES,
    LINEAGE,
    PEOPLE,
    SITES,
    SnapshotInfo,
    building,
    checksum,
    read_info,
    read_lineage,
    write_info,
    write_table,
)
from sandbox.data.tables import Subject, read_diagnoses, read_subjects
from sandbox.data.variants import VariantFile, open_variants
from sandbox.domain.dataset import Column, Unit
from sandbox.errors import BadInput

_SNAPSHOT_ID_BYTES: Final = 12


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
    """Public choices of the data holder, fixed for the lineage. None that touches privacy has a default.

    slots: the public number of unit chambers, at least the number of units.
    today: the day at which ages are computed from birth dates.
    columns: what is kept of the sample table beside sex and age.
    diagnosis_codes: the codes that orders may ask for; None allows every code.
    """

    unit: Unit
    maximum_family_size: int
    slots: int
    today: date
    columns: tuple[Column, ...] = ()
    diagnosis_codes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.slots < 1 or self.maximum_family_size < 1:
            raise ValueError("slots and maximum family size are at least 1")
        if self.unit is Unit.PERSON and self.maximum_family_size != 1:
            raise ValueError("where the privacy unit is a person, the maximum family size is 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A person with everything that the snapshot keeps about them."""

    subject: Subject
    name: str
    unit: str
    unit_name: str
    micro_block: int
    slot: int


def new_snapshot_id() -> str:
    """Return a random name for a snapshot: it says nothing about what is inside."""
    return secrets.token_hex(_SNAPSHOT_ID_BYTES)


def ingest(
    sources: Sources,
    out_dir: Path,
    key: bytes,
    options: IngestOptions,
    *,
    snapshot_id: str,
    previous: Path | None = None,
) -> SnapshotInfo:
    """Write the folder `out_dir/<snapshot_id>`, or nothing.

    `key` is the secret of the dataset's lineage (32 bytes or more), `previous` the lineage's latest snapshot, whose
    units and slots stay what they are. Every fault of the files raises BadInput with a code and one sentence.
    """
    keyed = KeyedHash(key)
    lineage = _read_previous(previous, options)
    subjects = _read_people(sources, options)
    placed, dropped, lineage = _place(subjects, sources, options, lineage, keyed)
    opened = open_variants(sources.vcf)
    _check_same_people(opened, subjects)
    public = read_public_sites(sources.sites) if sources.sites else None
    with building(out_dir, snapshot_id) as folder:
        kept = write_genotypes(folder / GENOTYPES, opened, [p.subject.sample_id for p in placed], public)
        write_sites(folder / SITES, kept)
        _write_people(folder / PEOPLE, placed, options)
        _write_lineage(folder / LINEAGE, lineage)
        info = SnapshotInfo(
            snapshot_id=snapshot_id,
            unit=options.unit,
            maximum_family_size=options.maximum_family_size,
            slots=options.slots,
            micro_blocks=MICRO_BLOCKS,
            columns=options.columns,
            diagnosis_codes=options.diagnosis_codes,
            public_sites=None if public is None else len(public.sites),
            people_exact=len(placed),
            units=len({p.unit for p in placed}),
            sites=len(kept.sites.sites),
            dropped_members=dropped,
            unlisted_records=kept.unlisted,
            sources=_checksums(sources),
        )
        write_info(folder, info)
    return info


def _read_previous(previous: Path | None, options: IngestOptions) -> Lineage:
    if previous is None:
        return EMPTY
    before = read_info(previous)
    if (before.unit, before.maximum_family_size) != (options.unit, options.maximum_family_size):
        sentence = "The privacy unit and the maximum family size of a lineage never change; start a new dataset."
        raise BadInput("lineage-unit-changed", sentence)
    if before.slots != options.slots:
        raise BadInput("lineage-slots-changed", f"This lineage has {before.slots} slots; that number never changes.")
    return read_lineage(previous)


def _read_people(sources: Sources, options: IngestOptions) -> list[Subject]:
    subjects = read_subjects(sources.samples, options.columns, options.today)
    if sources.diagnoses is None:
        return subjects
    found = read_diagnoses(sources.diagnoses, frozenset(s.subject_id for s in subjects))
    return [replace(s, diagnoses=tuple(sorted({*s.diagnoses, *found.get(s.subject_id, ())}))) for s in subjects]


def _check_same_people(opened: VariantFile, subjects: Sequence[Subject]) -> None:
    in_table, in_vcf = {s.sample_id for s in subjects}, set(opened.samples)
    if missing := sorted(in_table - in_vcf):
        sentence = f"{_some(missing)} of the sample table {_is(missing)} not in {opened.path.name}."
        raise BadInput("sample-not-in-vcf", sentence)
    if extra := sorted(in_vcf - in_table):
        raise BadInput("sample-not-in-table", f"{_some(extra)} of {opened.path.name} {_is(extra)} not in the table.")


def _some(names: Sequence[str]) -> str:
    return f"Sample {names[0]}" if len(names) == 1 else f"Sample {names[0]} and {len(names) - 1} more"


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _place(
    subjects: Sequence[Subject], sources: Sources, options: IngestOptions, lineage: Lineage, keyed: KeyedHash
) -> tuple[list[_Placed], int, Lineage]:
    """Return the people to keep in the snapshot's order, how many were dropped, and what the lineage now remembers."""
    by_id = {s.subject_id: s for s in subjects}
    relations = read_pedigree(sources.pedigree, frozenset(by_id)) if sources.pedigree else []
    names = families(((s.subject_id, s.family_id) for s in subjects), relations)
    members = assign_units(options.unit, names, lineage, keyed)
    kept = keep_members(members, options.maximum_family_size, keyed)
    slots = assign_slots((m.unit for m in members), options.slots, lineage, keyed)
    placed = [_placed(by_id[m.person], m, slots[m.unit], keyed) for m in kept]
    placed.sort(key=lambda p: (p.micro_block, p.slot, p.name))
    known = {**lineage.units, **{keyed.name("person", m.person): m.unit for m in members}}
    return placed, len(members) - len(kept), Lineage(units=known, slots=slots)


def _placed(subject: Subject, member: Member, slot: int, keyed: KeyedHash) -> _Placed:
    return _Placed(
        subject=subject,
        name=keyed.name("person", member.person),
        unit=member.unit,
        unit_name=keyed.name("unit", member.unit),
        micro_block=keyed.micro_block(member.unit),
        slot=slot,
    )


def _write_people(path: Path, placed: Sequence[_Placed], options: IngestOptions) -> None:
    own = ("name", "unit_name", "micro_block", "slot")
    columns = {name: [getattr(p, name) for p in placed] for name in own}
    columns["subject_id"] = [p.subject.subject_id for p in placed]
    columns["sex"] = [p.subject.sex for p in placed]
    columns["age"] = ["" if p.subject.age is None else str(p.subject.age) for p in placed]
    columns["diagnoses"] = [list(p.subject.diagnoses) for p in placed]
    for at, column in enumerate(options.columns):
        columns[f"value_{column.name}"] = [p.subject.values[at] for p in placed]
    write_table(path, columns)


def _write_lineage(path: Path, lineage: Lineage) -> None:
    units = list(lineage.units.items())
    slots = [lineage.slots[unit] for _, unit in units]
    write_table(path, {"name": [n for n, _ in units], "unit": [u for _, u in units], "slot": slots})


def _checksums(sources: Sources) -> dict[str, str]:
    given = {field.name: getattr(sources, field.name) for field in fields(sources)}
    return {name: checksum(path) for name, path in given.items() if path is not None}
