"""The transparency log's tables: leaves as they were hashed, hashes of subtrees, and the salts that open leaves.

`log_hash` numbers hashes as `protocol.crypto.merkle` does, so appending and proving read a handful of rows by key and
never a leaf. One row says how long the log is; whoever appends locks it, so appends follow one another.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, ForeignKey, Integer, LargeBinary, Text, delete, exists, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from protocol.crypto import merkle
from registry.store.base import Base, Transaction
from registry.store.tables import Document
from registry.store.tables_review import LogLater

_BIG = BigInteger().with_variant(Integer, "sqlite")
_ONLY_ROW = 1


class LogSize(Base):
    """How many leaves the log has: one row."""

    __tablename__ = "log_size"
    id: Mapped[int] = mapped_column(_BIG, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(_BIG)


class LogHash(Base):
    """The hash of one perfect subtree, by the number that `merkle.stored_number` gives it."""

    __tablename__ = "log_hash"
    number: Mapped[int] = mapped_column(_BIG, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class LogLeaf(Base):
    """One leaf: public for ever."""

    __tablename__ = "log_leaf"
    position: Mapped[int] = mapped_column(_BIG, primary_key=True, autoincrement=False)
    document: Mapped[str] = mapped_column(ForeignKey("document.digest"), unique=True)
    leaf: Mapped[str] = mapped_column(Text)


class LogPreimage(Base):
    """What opens a leaf besides the document itself. Erased with it; the leaf stays."""

    __tablename__ = "log_preimage"
    document: Mapped[str] = mapped_column(ForeignKey("document.digest"), primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One leaf, where it stands, and its salt unless that was erased."""

    position: int
    leaf: bytes
    salt: bytes | None


def size(tx: Transaction) -> int:
    """Return how many leaves the log has."""
    return tx.scalars(select(LogSize.size).where(LogSize.id == _ONLY_ROW)).one()


def append(tx: Transaction, document: str, leaf: bytes, salt: bytes) -> int:
    """Append the leaf of a document and return its position."""
    grown = update(LogSize).where(LogSize.id == _ONLY_ROW).values(size=LogSize.size + 1).returning(LogSize.size)
    position = tx.execute(grown.execution_options(synchronize_session=False)).scalar_one() - 1  # the row is locked now
    first = merkle.stored_number(0, position)
    hashes = merkle.hashes_to_store(position, merkle.leaf_hash(leaf), reader(tx))
    tx.execute(insert(LogHash), [{"number": first + more, "hash": hashed} for more, hashed in enumerate(hashes)])
    tx.execute(insert(LogLeaf), [{"position": position, "document": document, "leaf": leaf.decode()}])
    tx.execute(insert(LogPreimage), [{"document": document, "salt": salt}])
    return position


def reader(tx: Transaction) -> merkle.Read:
    """Return the way to look stored hashes up."""

    def read(numbers: Sequence[int]) -> dict[int, bytes]:
        rows = tx.execute(select(LogHash.number, LogHash.hash).where(LogHash.number.in_(set(numbers))))
        found: dict[int, bytes] = dict(rows.all())
        return found

    return read


def entry(tx: Transaction, document: str) -> Entry | None:
    """Return the entry of a document."""
    row = tx.scalars(select(LogLeaf).where(LogLeaf.document == document)).first()
    if row is None:
        return None
    preimage = tx.get(LogPreimage, document)
    return Entry(position=row.position, leaf=row.leaf.encode(), salt=preimage.salt if preimage else None)


def leaves(tx: Transaction, *, start: int, stop: int) -> Sequence[str]:
    """Return the leaves from position `start` up to, and without, `stop`."""
    wanted = select(LogLeaf.leaf).where(LogLeaf.position >= start, LogLeaf.position < stop)
    return tx.scalars(wanted.order_by(LogLeaf.position)).all()


def unlogged(tx: Transaction) -> Iterator[Document]:
    """Return the documents that came before there was a log, oldest first; not those that are to be logged later."""
    later = tx.scalar(select(func.count()).select_from(LogLater)) or 0
    if tx.scalar(select(func.count()).select_from(Document)) == size(tx) + later:
        return iter(())
    missing = select(Document).where(
        ~exists().where(LogLeaf.document == Document.digest), ~exists().where(LogLater.document == Document.digest)
    )
    return iter(tx.scalars(missing.order_by(Document.received, Document.digest)).all())


def postpone(tx: Transaction, document: str) -> None:
    """Note that a document is to be logged later."""
    tx.add(LogLater(document=document))
    tx.flush()


def due(tx: Transaction, documents: Iterable[str]) -> tuple[Document, ...]:
    """Take those of the documents that were to be logged later, in the order of their digests; they are due now.

    The order of their coming would tell who voted first.
    """
    wanted = tuple(documents)
    rows = tx.scalars(
        select(Document)
        .join(LogLater, LogLater.document == Document.digest)
        .where(LogLater.document.in_(wanted))
        .order_by(Document.digest)
    ).all()
    tx.execute(delete(LogLater).where(LogLater.document.in_([row.digest for row in rows])))
    return tuple(rows)


def erase(tx: Transaction, document: str) -> None:
    """Forget what opens a document's leaf: its salt and its content. Leaf, position and hashes stay."""
    tx.execute(delete(LogPreimage).where(LogPreimage.document == document))
    row = tx.get(Document, document)
    if row is not None:
        row.envelope = b""
    tx.flush()


def of_kind(tx: Transaction, kind: str, *, before: int | None, limit: int) -> list[tuple[int, str]]:
    """Return positions and leaves of one kind of document, the newest first, from below position `before`."""
    wanted = select(LogLeaf.position, LogLeaf.leaf).join(Document, Document.digest == LogLeaf.document)
    wanted = wanted.where(Document.kind == kind)
    if before is not None:
        wanted = wanted.where(LogLeaf.position < before)
    return [(row.position, row.leaf) for row in tx.execute(wanted.order_by(LogLeaf.position.desc()).limit(limit))]
