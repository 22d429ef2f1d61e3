"""Restores of the ledger that this node has been through: the signed documents, and the receipts they brought back."""

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.domain.ledger import Head
from sandbox.store.base import Base, Moment
from sandbox.store.tables import DIGEST, SLUG

RESTORED = "node-restored"  # the mark of the moment before which a charged job may have been answered elsewhere


class RestoreRow(Base):
    """One restore: its first entry, and the moment before which any order may have been answered."""

    __tablename__ = "ledger_restore"

    digest: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    sequence: Mapped[int] = mapped_column(BigInteger)
    witnessed_sequence: Mapped[int] = mapped_column(BigInteger)
    witnessed_head: Mapped[str] = mapped_column(String(64))
    until: Mapped[dt.datetime] = mapped_column(Moment)
    restored_at: Mapped[dt.datetime] = mapped_column(Moment)


class WitnessRow(Base):
    """A receipt that a restore brought back: the exact bytes, and what it says was spent of the approvals."""

    __tablename__ = "ledger_witness"

    order_id: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    restore: Mapped[str] = mapped_column(ForeignKey("ledger_restore.digest"))
    receipt: Mapped[bytes] = mapped_column(LargeBinary)
    project: Mapped[str] = mapped_column(SLUG)
    algorithm: Mapped[str] = mapped_column(DIGEST)
    rho_nano: Mapped[int] = mapped_column(BigInteger)  # 0 if the restored ledger still had the charge


_UNTIL = select(func.max(RestoreRow.until))  # made and compiled once: every step asks it


def was_restored(session: Session, witnessed: Head) -> bool:
    """Tell whether a restore took the place of the chain that ended in `witnessed`."""
    wanted = RestoreRow.witnessed_sequence == witnessed.sequence, RestoreRow.witnessed_head == witnessed.digest
    return session.scalar(select(RestoreRow.digest).where(*wanted)) is not None


def restored_until(session: Session) -> dt.datetime | None:
    """Read the moment before which any order may have been answered; None for a ledger that was never restored."""
    return session.scalar(_UNTIL)


def restored_from(session: Session) -> int:
    """Read the number of the newest restore's first entry; 0 for a ledger that was never restored."""
    return session.scalar(select(func.max(RestoreRow.sequence))) or 0


def witnessed_receipt(session: Session, order_id: str) -> bytes | None:
    """Read the receipt with which an order was answered before a restore, if one was brought."""
    return session.scalar(select(WitnessRow.receipt).where(WitnessRow.order_id == order_id))


def restores(session: Session) -> list[bytes]:
    """Read every restore document, the oldest first."""
    return list(session.scalars(select(RestoreRow.envelope).order_by(RestoreRow.restored_at)))


def witnessed_receipts(session: Session) -> list[bytes]:
    """Read every receipt that restores brought back."""
    return list(session.scalars(select(WitnessRow.receipt).order_by(WitnessRow.order_id)))


def witnessed_use(session: Session, algorithm: str, project: str) -> tuple[int, int]:
    """Count the charges that restores brought back for an algorithm in a project, and their rho in nano."""
    wanted = WitnessRow.algorithm == algorithm, WitnessRow.project == project, WitnessRow.rho_nano > 0
    runs, rho = session.execute(select(func.count(), func.sum(WitnessRow.rho_nano)).where(*wanted)).one()
    return runs, int(rho or 0)
