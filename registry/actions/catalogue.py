"""What nodes offer, and which nodes there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from protocol.documents.catalogue import BudgetEntry, CatalogueEntry
from protocol.documents.strict import build
from registry.actions.desk import Desk
from registry.domain.caller import Caller, check_is_node
from registry.store import accreditation, document, order, tables
from registry.store.base import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """An accredited node as the public sees it."""

    sequence: int
    node: str
    name: str
    institution: str
    country: str
    valid_until: datetime
    last_seen: datetime | None
    datasets: tuple[str, ...]


def replace_catalogue(desk: Desk, caller: Caller, node: str, datasets: list[dict[str, Any]], now: datetime) -> None:
    """Let a node say anew what it offers."""
    check_is_node(caller, node)
    with desk.store.transaction() as tx:
        tx.merge(tables.Catalogue(node=node, datasets=datasets, changed=now))
        document.record(tx, now, node, "catalogue.replaced", node, datasets=len(datasets))


def replace_budgets(desk: Desk, caller: Caller, node: str, budgets: list[dict[str, Any]], now: datetime) -> None:
    """Let a node say anew what is left of its datasets' budgets."""
    check_is_node(caller, node)
    with desk.store.transaction() as tx:
        tx.merge(tables.ToldBudget(node=node, budgets=budgets, at=now))
        document.record(tx, now, node, "budgets.replaced", node, datasets=len(budgets))


def offered_by(tx: Transaction, node: str) -> tuple[CatalogueEntry, ...]:
    """Return what a node says of its datasets; nothing for one that has said nothing."""
    offered = order.catalogue(tx, node)
    return tuple(build(CatalogueEntry, each) for each in offered.datasets) if offered else ()


def left_at(tx: Transaction, node: str) -> Iterator[tuple[BudgetEntry, datetime]]:
    """Yield what a node told of each dataset's budget, and when: more may be charged since."""
    told = order.budgets(tx, node)
    if told is not None:
        yield from ((build(BudgetEntry, each), told.at) for each in told.budgets)


def list_nodes(desk: Desk, *, after: int, limit: int) -> tuple[NodeView, ...]:
    """Return one page of accredited nodes."""
    with desk.store.reading() as tx:
        rows = accreditation.nodes(tx, after=after, limit=limit)
        return tuple(
            NodeView(
                sequence=row.sequence,
                node=row.subject,
                name=row.name,
                institution=row.institution,
                country=row.country,
                valid_until=row.valid_until,
                last_seen=order.last_seen(tx, row.subject),
                datasets=_names(order.catalogue(tx, row.subject)),
            )
            for row in rows
        )


def list_catalogues(desk: Desk, *, after: str, limit: int) -> Sequence[tables.Catalogue]:
    """Return the catalogues of one page of nodes."""
    with desk.store.reading() as tx:
        return order.catalogues(tx, after=after, limit=limit)


def _names(found: tables.Catalogue | None) -> tuple[str, ...]:
    return tuple(str(entry["dataset"]) for entry in found.datasets) if found else ()
