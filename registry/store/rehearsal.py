"""Reports of rehearsals, and which versions still wait for one."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, ForeignKey, Integer, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, Moment, Transaction
from registry.store.tables import NO_IMAGE, Algorithm


class Rehearsal(Base):
    """One node's report on one algorithm version and one catalogue entry; the report itself is a document."""

    __tablename__ = "rehearsal"
    __table_args__ = (UniqueConstraint("algorithm", "node", "entry"),)
    sequence: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("document.digest"), unique=True)
    algorithm: Mapped[str] = mapped_column(ForeignKey("algorithm.digest"))
    node: Mapped[str] = mapped_column(String(100))
    dataset: Mapped[str] = mapped_column(String(100))
    entry: Mapped[str] = mapped_column(String(64))
    fit: Mapped[bool] = mapped_column(Boolean)
    issued: Mapped[datetime] = mapped_column(Moment)


def of_algorithms(tx: Transaction, algorithms: Iterable[str]) -> dict[str, list[Rehearsal]]:
    """Return all reports on each of these versions, in the order received."""
    theirs = select(Rehearsal).where(Rehearsal.algorithm.in_(tuple(algorithms))).order_by(Rehearsal.sequence)
    found: dict[str, list[Rehearsal]] = {}
    for row in tx.scalars(theirs):
        found.setdefault(row.algorithm, []).append(row)
    return found


def reported(tx: Transaction, algorithm: str, node: str, entry: str) -> bool:
    """Say whether this node has reported on this version and entry."""
    mine = (Rehearsal.algorithm == algorithm) & (Rehearsal.node == node) & (Rehearsal.entry == entry)
    return tx.scalars(select(Rehearsal.digest).where(mine).limit(1)).first() is not None


def with_image(tx: Transaction, states: Iterable[str]) -> Sequence[Algorithm]:
    """Return every version that has an image and is in one of these states of review, oldest first."""
    open_ones = select(Algorithm).where(Algorithm.archive_digest != NO_IMAGE, Algorithm.state.in_(tuple(states)))
    return tx.scalars(open_ones.order_by(Algorithm.sequence)).all()


def version(tx: Transaction, name: str, number: str) -> Algorithm | None:
    """Return the algorithm version of this name and number."""
    return tx.scalars(select(Algorithm).where(Algorithm.name == name, Algorithm.version == number)).first()
