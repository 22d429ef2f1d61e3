"""The queues of signed orders and what came back for them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import or_, select

from registry.domain.order import OrderState
from registry.store.base import Transaction
from registry.store.tables import Algorithm, Catalogue, NodeSeen, Order, ToldBudget


def get(tx: Transaction, digest: str) -> Order | None:
    """Return an order by its id."""
    return tx.scalars(select(Order).where(Order.digest == digest)).first()


def queued(tx: Transaction, node: str, limit: int) -> Sequence[Order]:
    """Return the head of a node's queue, oldest first."""
    waiting = select(Order).where(Order.node == node, Order.state == OrderState.QUEUED.value)
    return tx.scalars(waiting.order_by(Order.sequence).limit(limit)).all()


def of_party(tx: Transaction, subject: str, *, after: int, limit: int) -> Sequence[Order]:
    """Return one page of a researcher's own orders, or of those handed to a node, oldest first."""
    mine = select(Order).where(or_(Order.researcher == subject, Order.node == subject), Order.sequence > after)
    return tx.scalars(mine.order_by(Order.sequence).limit(limit)).all()


def of_researcher(tx: Transaction, subject: str, *, before: int | None, limit: int) -> Sequence[Order]:
    """Return one page of a researcher's own orders, the newest first."""
    mine = select(Order).where(Order.researcher == subject)
    if before is not None:
        mine = mine.where(Order.sequence < before)
    return tx.scalars(mine.order_by(Order.sequence.desc()).limit(limit)).all()


def of_question(tx: Transaction, researcher: str, algorithm: str, project: str, *, limit: int) -> Sequence[Order]:
    """Return a researcher's newest orders of one algorithm for one project."""
    mine = select(Order).where(Order.researcher == researcher, Order.algorithm == algorithm, Order.project == project)
    return tx.scalars(mine.order_by(Order.sequence.desc()).limit(limit)).all()


def with_receipts(tx: Transaction, researcher: str, project: str, node: str) -> Sequence[Order]:
    """Return a researcher's decided orders for one project at one node."""
    mine = select(Order).where(Order.researcher == researcher, Order.project == project, Order.node == node)
    return tx.scalars(mine.where(Order.receipt.is_not(None)).order_by(Order.sequence)).all()


def of_project(tx: Transaction, project: str, *, limit: int) -> Sequence[Order]:
    """Return a project's decided orders, the newest first, whoever signed them."""
    theirs = select(Order).where(Order.project == project, Order.receipt.is_not(None))
    return tx.scalars(theirs.order_by(Order.sequence.desc()).limit(limit)).all()


def seen(tx: Transaction, node: str, now: datetime) -> None:
    """Note that a node polled."""
    tx.merge(NodeSeen(node=node, at=now))


def last_seen(tx: Transaction, node: str) -> datetime | None:
    """Return when a node last polled."""
    found = tx.get(NodeSeen, node)
    return found.at if found else None


def catalogue(tx: Transaction, node: str) -> Catalogue | None:
    """Return what a node says about its datasets."""
    return tx.get(Catalogue, node)


def budgets(tx: Transaction, node: str) -> ToldBudget | None:
    """Return what a node says is left of its datasets' budgets."""
    return tx.get(ToldBudget, node)


def catalogues(tx: Transaction, *, after: str, limit: int) -> Sequence[Catalogue]:
    """Return one page of catalogues by node name."""
    later = select(Catalogue).where(Catalogue.node > after)
    return tx.scalars(later.order_by(Catalogue.node).limit(limit)).all()


def all_catalogues(tx: Transaction) -> Sequence[Catalogue]:
    """Return what every node says about its datasets, by node name."""
    return tx.scalars(select(Catalogue).order_by(Catalogue.node)).all()


def names_image(tx: Transaction, node: str, archive_digest: str) -> bool:
    """Say whether an order handed to `node` names an algorithm with this image."""
    named = (
        select(Order.digest)
        .join(Algorithm, Algorithm.digest == Order.algorithm)
        .where(Order.node == node, Algorithm.archive_digest == archive_digest)
    )
    return tx.scalars(named.limit(1)).first() is not None


def with_receipt(tx: Transaction, receipt: str) -> Order | None:
    """Return the order that a receipt decided."""
    return tx.scalars(select(Order).where(Order.receipt == receipt)).first()


def undecided(tx: Transaction, final: Iterable[OrderState]) -> Sequence[Order]:
    """Return the orders that have not come to one of the final states."""
    return tx.scalars(select(Order).where(Order.state.not_in([state.value for state in final]))).all()
