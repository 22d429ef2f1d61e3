"""The datasets that a node offers: public facts, and where each one's current snapshot is."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sandbox.domain.dataset import DatasetFacts, Unit
from sandbox.store.tables import DatasetRow, SnapshotRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One dataset on offer; `directory` is its snapshot's folder, seen from the folder of all datasets."""

    facts: DatasetFacts
    directory: Path


def read_dataset(session: Session, dataset: str) -> Offered | None:
    """Read a dataset by its id; None if this node does not have it."""
    query = select(SnapshotRow).join(DatasetRow, DatasetRow.snapshot == SnapshotRow.id).where(DatasetRow.id == dataset)
    row = session.scalar(query)
    return None if row is None else _offered(row)


def read_snapshot(session: Session, snapshot: str) -> Offered | None:
    """Read one snapshot, also one that a newer version of its dataset has replaced."""
    row = session.get(SnapshotRow, snapshot)
    return None if row is None else _offered(row)


def list_datasets(session: Session) -> Sequence[Offered]:
    """Read every dataset on offer, by id."""
    query = select(SnapshotRow).join(DatasetRow, DatasetRow.snapshot == SnapshotRow.id).order_by(DatasetRow.id)
    return [_offered(row) for row in session.scalars(query)]


def lineages(session: Session) -> set[str]:
    """Read the names of all lineages that this node offers."""
    return set(session.scalars(select(DatasetRow.lineage)))


def lineage_of(session: Session, dataset: str) -> str:
    """Read a dataset's lineage; a dataset that is forgotten has the one it was named after."""
    return session.scalar(select(DatasetRow.lineage).where(DatasetRow.id == dataset)) or dataset


def offer(session: Session, offered: Offered, now: dt.datetime) -> None:
    """Offer a snapshot as the current version of its dataset."""
    facts = offered.facts
    session.add(
        SnapshotRow(
            id=facts.snapshot,
            dataset=facts.dataset,
            facts=facts_to_json(facts),
            directory=str(offered.directory),
            added_at=now,
        )
    )
    session.flush()
    row = DatasetRow(id=facts.dataset, lineage=facts.lineage, snapshot=facts.snapshot, added_at=now)
    session.merge(row)


def facts_to_json(facts: DatasetFacts) -> dict[str, Any]:
    """Facts as plain values."""
    return {**asdict(facts), "unit": facts.unit.value}


def facts_from_json(values: dict[str, Any]) -> DatasetFacts:
    """Facts from what `facts_to_json` wrote."""
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return DatasetFacts(**{**values, **lists, "unit": Unit(values["unit"])})


def _offered(row: SnapshotRow) -> Offered:
    return Offered(facts=facts_from_json(row.facts), directory=Path(row.directory))
