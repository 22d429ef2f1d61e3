"""What an order would cost and whether a node would refuse it, as far as can be seen from outside. Nothing is sent.

The price is exact: each output is charged the share that the order gives it, and what its interval is bought for. A
node searches the scale of the noise upward until the library's own loss, rounded up to a nano, is within the share, and
that loss is the share (a test at the node compares them).

What is left is what the node last told *this* researcher, in a receipt that is verified here: the least that any of
the accounts of that project, data set, pool and algorithm had. A node publishes no other spending. What others spend
says nothing about any person (charges depend on orders and public facts), but it may say what colleagues study.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from client.client import Client
from client.documents import Wish, unsigned_order
from protocol.chain import verify_receipt
from protocol.chain.foresee import UNSEEN, Foreseen, foresee
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.envelope import read_envelope
from protocol.documents.job_order import JobOrder
from protocol.documents.receipt import Receipt
from protocol.documents.strict import build


def preview(me: Client, wish: Wish, now: datetime) -> dict[str, Any]:
    """Return the price of one wish, what the node last told of its budget, and the refusals that can be foreseen."""
    order = unsigned_order(wish, researcher=me.profile.need("person"), recipient=me.recipient.public_bytes, now=now)
    told = _told(me, order, now)
    refusals = [*_foreseen(me, order, wish.algorithm, now), *_short(order, told)]
    return {
        "node": order.node,
        "dataset": order.dataset,
        "rho_nano": price_of(order),
        "outputs": {share.output: share.nano for share in order.rho},
        "intervals": {share.output: share.interval_nano for share in order.rho if share.interval_nano},
        "left_as_last_told": told,
        "expected_refusals": [{"code": one.code, "sentence": one.sentence} for one in refusals],
        "not_seen_from_here": list(UNSEEN),
    }


def price_of(order: JobOrder) -> int:
    """Return what a node charges for an order that it does not refuse, in nano-rho: every share, every interval."""
    return order.rho_nano


def _told(me: Client, order: JobOrder, now: datetime) -> dict[str, Any] | None:
    """What the newest verified receipt of this project at this node and data set says is left."""
    wanted = (order.node, order.dataset, order.project)
    orders = (one for one in me.registry.listing("orders") if one["receipt"])
    mine = [one for one in orders if (one["node"], one["dataset"], one["project"]) == wanted]
    if not mine:
        return None
    receipts = [_verified(me, str(one["order"]), now) for one in mine]
    newest = max(receipts, key=lambda receipt: (receipt.issued, -receipt.rho_left_nano))
    return {
        "rho_left_nano": newest.rho_left_nano,
        "told_at": newest.issued,
        "order": newest.order,
        "same_algorithm": newest.algorithm == order.algorithm,
    }


def _verified(me: Client, order_id: str, now: datetime) -> Receipt:
    raw = me.registry.receipt(order_id)
    node = read_envelope(raw).untrusted(Receipt).node
    return verify_receipt(
        raw,
        accreditations=[me.registry.accreditation(node)],
        statuses=me.registry.statuses(),
        trust_root=me.trust_root,
        now=now,
        order_id=order_id,
    )


def _short(order: JobOrder, told: dict[str, Any] | None) -> Iterator[Foreseen]:
    if told and told["same_algorithm"] and told["rho_left_nano"] < price_of(order):
        left = told["rho_left_nano"]
        sentence = f"{order.node} last told of {left} nano-rho left, and this order needs {price_of(order)}."
        yield Foreseen("budget-told", f"{sentence} Ask for less, or ask its holder for a higher cap.")


def _foreseen(me: Client, order: JobOrder, algorithm: Algorithm, now: datetime) -> Iterator[Foreseen]:
    approvals = [read_envelope(me.registry.document(digest)).untrusted(Approval) for digest in order.approvals]
    yield from foresee(order, algorithm, approvals, _offered(me, order), now)


def _offered(me: Client, order: JobOrder) -> CatalogueEntry | None:
    """What the node says of the dataset, as the registry carries it; a hint, like everything here."""
    for one in me.registry.listing("datasets"):
        if (one["node"], one["dataset"]) == (order.node, order.dataset):
            return build(CatalogueEntry, {name: value for name, value in one.items() if name != "node"})
    return None
