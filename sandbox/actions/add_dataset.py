"""`node dataset add`: ingest a holder's files and offer the snapshot, whole or not at all."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from protocol.trust.duo import KNOWN_CODES
from sandbox.actions.clock import GuardedClock
from sandbox.actions.files import SECRET, write_whole
from sandbox.domain.dataset import Column, DatasetFacts, Unit
from sandbox.domain.turns import most_people
from sandbox.errors import BadInput
from sandbox.store.audit import record
from sandbox.store.base import Store
from sandbox.store.dataset import Offered, offer, read_dataset

if TYPE_CHECKING:
    from sandbox.data.ingest import IngestOptions, Sources
    from sandbox.data.snapshot import SnapshotInfo

LINEAGE_KEY_BYTES = 32
NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDataset:
    """A holder's files, and the public facts that only a person can decide."""

    dataset: str
    vcf: Path
    samples: Path
    diagnoses: Path | None
    pedigree: Path | None
    sites: Path | None
    people: int
    slots: int
    unit: Unit
    maximum_family_size: int
    columns: tuple[Column, ...]
    diagnosis_codes: tuple[str, ...] | None
    duo: tuple[str, ...]
    country: str
    assembly: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where a node keeps datasets, the keys of their lineages, and its records."""

    store: Store
    clock: GuardedClock
    datasets: Path
    keys: Path


def add_dataset(shelf: Shelf, new: NewDataset) -> DatasetFacts:
    """Ingest the files as a new snapshot of the dataset and offer it from now on.

    A dataset that is there already gets a new version in the same lineage: its units, slots and spent budget stay.
    """
    from sandbox.data.ingest import ingest, new_snapshot_id
    from sandbox.data.snapshot import facts_of

    _check(new)
    with shelf.store.reading() as session:
        before = read_dataset(session, new.dataset)
    now = shelf.clock.now()
    folder = shelf.datasets / new.dataset
    key = _lineage_key(shelf.keys, new.dataset)
    try:
        info = ingest(
            _sources(new),
            folder,
            key,
            _options(new, now.date()),
            snapshot_id=new_snapshot_id(),
            previous=None if before is None else shelf.datasets / before.directory,
        )
        _check_rounded(new, info, folder / info.snapshot_id)
    except BaseException:
        with contextlib.suppress(OSError):
            folder.rmdir()  # only if nothing is in it
        raise
    _keep_key(shelf.keys, new.dataset, key)
    facts = facts_of(
        info,
        dataset=new.dataset,
        lineage=new.dataset,
        people=new.people,
        duo=new.duo,
        country=new.country,
        assembly=new.assembly,
    )
    with shelf.store.transaction() as session:
        offer(session, Offered(facts=facts, directory=Path(new.dataset) / info.snapshot_id), now)
        record(session, now, "operator", "dataset-added", f"{facts.dataset}/{facts.snapshot}")
    return facts


def _check(new: NewDataset) -> None:
    if not NAME.fullmatch(new.dataset):
        raise BadInput("dataset-name", "A dataset's identifier has small letters, digits and . _ @ - only.")
    unknown = [code for code in new.duo if code not in KNOWN_CODES]
    if unknown or not new.duo:
        named = f"{unknown[0]!r} is not a code" if unknown else "a dataset needs at least one code"
        raise BadInput("duo-unknown", f"{named} of the Data Use Ontology that says what participants consented to.")
    if new.people < 1 or new.slots < 1:
        raise BadInput("people-missing", "The rounded number of people and the number of slots must be at least 1.")


def _check_rounded(new: NewDataset, info: SnapshotInfo, folder: Path) -> None:
    """Refuse a rounded number that is far below the exact one: jobs reserve memory by it, and would not have enough."""
    if info.people_exact > most_people(new.people):
        shutil.rmtree(folder)
        sentence = f"The rounded number of people, {new.people}, is more than a fifth below the exact one."
        raise BadInput("people-rounded-far", f"{sentence} Round to the nearest hundred or so.")


def _sources(new: NewDataset) -> Sources:
    from sandbox.data.ingest import Sources

    return Sources(vcf=new.vcf, samples=new.samples, diagnoses=new.diagnoses, pedigree=new.pedigree, sites=new.sites)


def _options(new: NewDataset, today: dt.date) -> IngestOptions:
    from sandbox.data.ingest import IngestOptions

    return IngestOptions(
        unit=new.unit,
        maximum_family_size=new.maximum_family_size,
        slots=new.slots,
        today=today,
        columns=new.columns,
        diagnosis_codes=new.diagnosis_codes,
    )


def _lineage_key(keys: Path, dataset: str) -> bytes:
    """The secret by which people are spread over blocks: a lineage keeps it for ever, a new one gets its own."""
    path = _key_path(keys, dataset)
    return path.read_bytes() if path.exists() else secrets.token_bytes(LINEAGE_KEY_BYTES)


def _keep_key(keys: Path, dataset: str, key: bytes) -> None:
    path = _key_path(keys, dataset)
    if not path.exists():
        write_whole(path, key, SECRET)


def _key_path(keys: Path, dataset: str) -> Path:
    return keys / f"lineage-{dataset}.key"
