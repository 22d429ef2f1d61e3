"""Orders that were composed on a page and that nobody has signed: the choices, and the code that fetches them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, Moment, Transaction


class OrderDraft(Base):
    """One node's part of what a researcher composed. `digest` is of the choices, canonical and byte for byte.

    `handover` is the code by which the researcher's own machine fetches what was composed together; nobody else can.
    """

    __tablename__ = "order_draft"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    researcher: Mapped[str] = mapped_column(String(100), index=True)
    algorithm: Mapped[str] = mapped_column(ForeignKey("algorithm.digest"))
    choices: Mapped[bytes] = mapped_column(LargeBinary)
    handover: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(Moment)


def prepare(tx: Transaction, rows: Iterable[OrderDraft]) -> None:
    """Keep drafts, each in place of an earlier one with the same choices."""
    for row in rows:
        tx.merge(row)
    tx.flush()


def handed_over(tx: Transaction, code: str, since: datetime) -> Sequence[OrderDraft]:
    """Return what a code fetches, if it is not too old."""
    fetched = select(OrderDraft).where(OrderDraft.handover == code, OrderDraft.at >= since)
    return tx.scalars(fetched.order_by(OrderDraft.digest)).all()


def of_researcher(tx: Transaction, researcher: str) -> Sequence[OrderDraft]:
    """Return what somebody composed and has not signed, the newest first."""
    mine = select(OrderDraft).where(OrderDraft.researcher == researcher)
    return tx.scalars(mine.order_by(OrderDraft.at.desc(), OrderDraft.handover, OrderDraft.digest)).all()


def forget(tx: Transaction, digest: str) -> None:
    """Forget one draft, if it is there: it was signed."""
    tx.execute(delete(OrderDraft).where(OrderDraft.digest == digest))


def forget_handover(tx: Transaction, researcher: str, code: str) -> bool:
    """Forget all that one code fetches; says whether there was anything of this researcher's."""
    mine = (OrderDraft.researcher == researcher, OrderDraft.handover == code)
    found = tx.scalars(select(OrderDraft.digest).where(*mine).limit(1)).first()
    tx.execute(delete(OrderDraft).where(*mine))
    return found is not None


def is_any_before(tx: Transaction, moment: datetime) -> bool:
    """Say whether some draft is older."""
    return tx.scalars(select(OrderDraft.digest).where(OrderDraft.at < moment).limit(1)).first() is not None


def forget_before(tx: Transaction, moment: datetime) -> None:
    """Forget every draft that is older."""
    tx.execute(delete(OrderDraft).where(OrderDraft.at < moment))
