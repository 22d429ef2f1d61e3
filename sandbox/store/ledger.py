"""The ledger's tables: charge in the caller's transaction, read what was spent, and keep the head outside.

The rules are in `sandbox.domain.ledger`. A charge first takes the row of the head, so that charges queue up: on SQLite
by the write lock of the whole database, on PostgreSQL by the row's. The balance of each account is kept beside the
entries; `check_ledger` follows the chain and adds it all up again.
"""

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import BigInteger, CheckConstraint, Connection, Select, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.domain.ledger import (
    GENESIS,
    Caps,
    Head,
    Kind,
    LedgerEntry,
    Scope,
    Scopes,
    check_caps,
    left_nano,
    next_entry,
    verify_chain,
)
from sandbox.errors import LedgerBroken, Refused
from sandbox.store.base import Base, Moment, microseconds
from sandbox.store.driver import change, fetch

_NAME = String(200)
_DIGEST = String(64)


NO_REFUND = "rho_nano > 0 OR (rho_nano = 0 AND kind IN ('policy', 'reserve', 'restore'))"


class LedgerEntryRow(Base):
    """One entry; rows are only added. The order's id and its nonce are taken for ever."""

    __tablename__ = "ledger_entry"
    __table_args__ = (CheckConstraint(NO_REFUND, name="no_refund"),)

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    order_id: Mapped[str] = mapped_column(_DIGEST, unique=True)
    nonce: Mapped[str] = mapped_column(_NAME, unique=True)
    pool: Mapped[str] = mapped_column(_NAME)
    lineage: Mapped[str] = mapped_column(_NAME)
    project: Mapped[str] = mapped_column(_NAME)
    algorithm: Mapped[str] = mapped_column(_NAME)
    job: Mapped[str] = mapped_column(_NAME)
    rho_nano: Mapped[int] = mapped_column(BigInteger)
    charged_at: Mapped[dt.datetime] = mapped_column(Moment)
    previous: Mapped[str] = mapped_column(_DIGEST)
    digest: Mapped[str] = mapped_column(_DIGEST)
    kind: Mapped[str] = mapped_column(String(16), server_default="charge")
    evidence: Mapped[str | None] = mapped_column(_DIGEST)


class LedgerAccountRow(Base):
    """What one scope has spent: the sum of its entries, kept so that a charge need not add them up."""

    __tablename__ = "ledger_account"

    scope: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(_NAME, primary_key=True)
    spent_nano: Mapped[int] = mapped_column(BigInteger)


class LedgerHeadRow(Base):
    """The one row that every charge takes first."""

    __tablename__ = "ledger_head"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(_DIGEST)


# What a charge needs, below the object mapper: five statements, of which the first takes the lock.
_TAKE_HEAD = "UPDATE ledger_head SET sequence = sequence WHERE id = 1 RETURNING sequence, digest"
_FIRST_HEAD = (
    "INSERT INTO ledger_head (id, sequence, digest) VALUES (1, :sequence, :digest) ON CONFLICT (id) DO NOTHING"
)
_MOVE_HEAD = "UPDATE ledger_head SET sequence = :sequence, digest = :digest WHERE id = 1"
_ADD_ENTRY = (
    "INSERT INTO ledger_entry (sequence, order_id, nonce, pool, lineage, project, algorithm, job, rho_nano, "
    "charged_at, previous, digest, kind, evidence) VALUES (:sequence, :order_id, :nonce, :pool, :lineage, :project, "
    ":algorithm, :job, :rho_nano, :charged_at, :previous, :digest, :kind, :evidence)"
)
_KNOWN = "SELECT 1 FROM ledger_entry WHERE order_id = :order_id OR nonce = :nonce LIMIT 1"
_SPENT = (
    "SELECT scope, spent_nano FROM ledger_account WHERE (scope = 'job' AND name = :job) "
    "OR (scope = 'project' AND name = :project) OR (scope = 'algorithm' AND name = :algorithm) "
    "OR (scope = 'dataset' AND name = :dataset) OR (scope = 'pool' AND name = :pool)"
)
_DEBIT = (
    "INSERT INTO ledger_account (scope, name, spent_nano) VALUES ('job', :job, :rho_nano), "
    "('project', :project, :rho_nano), ('algorithm', :algorithm, :rho_nano), "
    "('dataset', :dataset, :rho_nano), ('pool', :pool, :rho_nano) "
    "ON CONFLICT (scope, name) DO UPDATE SET spent_nano = ledger_account.spent_nano + excluded.spent_nano"
)
_DEBIT_ONE = (
    "INSERT INTO ledger_account (scope, name, spent_nano) VALUES (:scope, :name, :rho_nano) "
    "ON CONFLICT (scope, name) DO UPDATE SET spent_nano = ledger_account.spent_nano + excluded.spent_nano"
)


def charge(
    session: Session, *, order_id: str, nonce: str, scopes: Scopes, caps: Caps, rho_nano: int, now: dt.datetime
) -> LedgerEntry:
    """Debit all five scopes in the caller's transaction, or refuse (order-replayed, budget-...) and change nothing.

    The transaction must be one that writes from its beginning (`Store.transaction`). After its commit the caller writes
    the head outside the database (`ledger_head.write_head`), before any chamber sees data.
    """
    head_before = take_head(session)
    check_charge(session, order_id=order_id, nonce=nonce, scopes=scopes, caps=caps, rho_nano=rho_nano)
    entry = next_entry(head_before, order_id=order_id, nonce=nonce, scopes=scopes, rho_nano=rho_nano, now=now)
    database = session.connection()
    change(database, _ADD_ENTRY, _to_row(entry))
    change(database, _DEBIT, {"rho_nano": rho_nano, **_names(scopes)})
    change(database, _MOVE_HEAD, {"sequence": entry.sequence, "digest": entry.digest})
    return entry


def append(session: Session, entry: LedgerEntry) -> None:
    """Write an entry that is no charge of this node's own: it follows `take_head`, and debits the accounts it names."""
    database = session.connection()
    change(database, _ADD_ENTRY, _to_row(entry))
    for scope, name in entry.scopes.named().items():
        if name:
            change(database, _DEBIT_ONE, {"scope": scope.value, "name": name, "rho_nano": entry.rho_nano})
    change(database, _MOVE_HEAD, {"sequence": entry.sequence, "digest": entry.digest})


def check_charge(
    session: Session, *, order_id: str, nonce: str, scopes: Scopes, caps: Caps, rho_nano: int
) -> dict[Scope, int]:
    """Refuse what `charge` would refuse, and write nothing; give what each account has spent."""
    database = session.connection()
    if fetch(database, _KNOWN, {"order_id": order_id, "nonce": nonce}):
        raise Refused("order-replayed", "this order, or its nonce, was charged before: sign a new order")
    spent_nano = _spent(database, scopes)
    check_caps(spent_nano, caps, rho_nano)
    return spent_nano


def find(session: Session, order_id: str) -> LedgerEntry | None:
    """Give the charge of an order, if there is one."""
    row = session.execute(select(LedgerEntryRow).where(LedgerEntryRow.order_id == order_id)).scalar_one_or_none()
    return None if row is None else _to_entry(row)


def spent(session: Session, scope: Scope, name: str) -> int:
    """Give what one account has spent so far, in nano-rho."""
    wanted = LedgerAccountRow.scope == scope.value, LedgerAccountRow.name == name
    return session.execute(select(LedgerAccountRow.spent_nano).where(*wanted)).scalar_one_or_none() or 0


def left(session: Session, scopes: Scopes, caps: Caps) -> int:
    """Give what another job of the same project, algorithm and dataset could still spend, in nano-rho."""
    return left_nano(_spent(session.connection(), scopes), caps)


def head(session: Session) -> Head:
    """Give the end of the chain as the database knows it."""
    row = session.execute(select(LedgerHeadRow.sequence, LedgerHeadRow.digest)).one_or_none()
    return GENESIS if row is None else Head(sequence=row.sequence, digest=row.digest)


def entries(session: Session) -> Iterator[LedgerEntry]:
    """Give every charge in order."""
    for row in session.execute(select(LedgerEntryRow).order_by(LedgerEntryRow.sequence)).scalars():
        yield _to_entry(row)


def check_ledger(session: Session) -> Head:
    """Follow the whole chain, add up every account again, and refuse (ledger-...) whatever does not agree."""
    found = verify_chain(entries(session))
    if found != head(session):
        raise LedgerBroken(
            "ledger-head", "the ledger's last entry and its head do not agree: take a backup and run `ledger restore`"
        )
    for scope, column in _COLUMNS.items():
        summed = select(column, func.sum(LedgerEntryRow.rho_nano)).where(column != "").group_by(column)
        kept = select(LedgerAccountRow.name, LedgerAccountRow.spent_nano).where(LedgerAccountRow.scope == scope.value)
        if _as_dict(session, summed) != _as_dict(session, kept):
            raise LedgerBroken(
                "ledger-account", f"the accounts of scope {scope} are not the sums of their entries: take a backup"
            )
    return found


_COLUMNS = {
    Scope.JOB: LedgerEntryRow.job,
    Scope.PROJECT: LedgerEntryRow.project,
    Scope.ALGORITHM: LedgerEntryRow.algorithm,
    Scope.LINEAGE: LedgerEntryRow.lineage,
    Scope.POOL: LedgerEntryRow.pool,
}


def take_head(session: Session) -> Head:
    """Lock the end of the chain for this transaction, and give it."""
    database = session.connection()
    taken = fetch(database, _TAKE_HEAD, {})
    if not taken:
        change(database, _FIRST_HEAD, {"sequence": GENESIS.sequence, "digest": GENESIS.digest})
        taken = fetch(database, _TAKE_HEAD, {})
    ((sequence, digest),) = taken
    return Head(sequence=sequence, digest=digest)


def _spent(database: Connection, scopes: Scopes) -> dict[Scope, int]:
    found = {Scope(scope): int(nano) for scope, nano in fetch(database, _SPENT, _names(scopes))}
    return {scope: found.get(scope, 0) for scope in Scope}


def _names(scopes: Scopes) -> dict[str, str]:
    return {scope.value: name for scope, name in scopes.named().items()}


def _as_dict(session: Session, statement: Select[str, int]) -> dict[str, int]:
    return {name: int(nano) for name, nano in session.execute(statement)}


def _to_row(entry: LedgerEntry) -> dict[str, object]:
    return {
        "sequence": entry.sequence,
        "order_id": entry.order_id,
        "nonce": entry.nonce,
        "pool": entry.scopes.pool,
        "lineage": entry.scopes.lineage,
        "project": entry.scopes.project,
        "algorithm": entry.scopes.algorithm,
        "job": entry.scopes.job,
        "rho_nano": entry.rho_nano,
        "charged_at": microseconds(entry.charged_at),
        "previous": entry.previous,
        "digest": entry.digest,
        "kind": entry.kind.value,
        "evidence": entry.evidence,
    }


def _to_entry(row: LedgerEntryRow) -> LedgerEntry:
    scopes = Scopes(pool=row.pool, lineage=row.lineage, project=row.project, algorithm=row.algorithm, job=row.job)
    return LedgerEntry(
        sequence=row.sequence,
        order_id=row.order_id,
        nonce=row.nonce,
        scopes=scopes,
        rho_nano=row.rho_nano,
        charged_at=row.charged_at,
        previous=row.previous,
        digest=row.digest,
        kind=Kind(row.kind),
        evidence=row.evidence,
    )
