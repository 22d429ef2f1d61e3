"""Carry signed orders to their nodes: queue them, hand them out until they are acknowledged, hear how they go.

The registry is a courier. It takes an order for anything as long as an accredited researcher signed it and it has the
algorithm to carry along; whether the order may run is the node's to say, in a receipt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from protocol.chain.bundle import OrderBundle
from protocol.crypto.digest import sha256_hex
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.envelope import read_envelope
from protocol.documents.job_order import JobOrder
from registry.actions import accepted, identity, log, publish
from registry.actions.desk import Desk
from registry.domain.caller import Caller, check_is_node, missing
from registry.domain.limits import ORDERS_PER_POLL
from registry.domain.order import OrderState, advance
from registry.errors import Conflict, Forbidden, Unbelievable
from registry.store import accreditation, document, draft, order, review, roster, tables
from registry.store.base import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """One queued order with all that its node needs to judge it."""

    order_id: str
    bundle: OrderBundle


def publish_order(
    desk: Desk, caller: Caller | None, untrusted: bytes, hand_to: str | None, now: datetime
) -> publish.Published:
    """Queue an order for its node, or for the node that its researcher asks to hand it to.

    Handing it to another node than it names is the researcher's way to see that node refuse it.
    """
    envelope = read_envelope(untrusted)
    claimed = envelope.untrusted(JobOrder)
    node = hand_to or claimed.node
    if hand_to is not None and (caller is None or caller.subject != claimed.researcher):
        raise Forbidden("order-not-yours", "Only the researcher who signed an order may say where to hand it.")
    with desk.store.transaction() as tx:
        if done := publish.known(tx, envelope):
            _check_same_queue(tx, envelope.digest, node)
            return done
        researcher = identity.signer(tx, claimed.researcher, "person", now)
        envelope.check_signed(researcher.keys)
        _check_deliverable(tx, claimed, node)
        log.append_postponed(tx, claimed.approvals)  # the node will ask for their proofs
        published = publish.keep(tx, envelope, claimed.KIND, claimed.researcher, now)
        tx.add(_row(claimed, envelope.digest, node, now))
        draft.forget(tx, sha256_hex(claimed.choices))
    desk.bell.ring(node)
    return published


def collect(desk: Desk, caller: Caller, node: str) -> tuple[Handed, ...]:
    """Return the head of a node's queue. Nothing leaves the queue by being read."""
    check_is_node(caller, node)
    with desk.store.reading() as tx:
        return tuple(
            Handed(order_id=row.digest, bundle=_bundle(tx, row)) for row in order.queued(tx, node, ORDERS_PER_POLL)
        )


def note_poll(desk: Desk, caller: Caller, node: str, now: datetime) -> None:
    """Note that the node is alive."""
    check_is_node(caller, node)
    with desk.store.transaction() as tx:
        order.seen(tx, node, now)


def report_progress(desk: Desk, caller: Caller, node: str, order_id: str, state: str, now: datetime) -> OrderState:
    """Take a node's word on how far it is; the first one acknowledges the order."""
    check_is_node(caller, node)
    with desk.store.transaction() as tx:
        row = of_node(tx, node, order_id)
        old = OrderState(row.state)
        new = old if row.receipt is not None else advance(old, state)
        if new is not old:
            row.state, row.changed = new.value, now
            document.record(tx, now, node, f"order.{new}", order_id)
        return new


def of_node(tx: Transaction, node: str, order_id: str) -> tables.Order:
    """Return an order that was handed to this node; Missing otherwise."""
    row = order.get(tx, order_id)
    if row is None or row.node != node:
        raise missing("order")
    return row


def show_order(desk: Desk, caller: Caller, order_id: str) -> tables.Order:
    """Return an order to its researcher or its node; Missing for everybody else."""
    with desk.store.reading() as tx:
        row = order.get(tx, order_id)
        if row is None or caller.subject not in (row.researcher, row.node):
            raise missing("order")
        return row


def list_orders(desk: Desk, caller: Caller, *, after: int, limit: int) -> tuple[tables.Order, ...]:
    """Return one page of the caller's own orders: those it signed, or those that were handed to it."""
    with desk.store.reading() as tx:
        return tuple(order.of_party(tx, caller.subject, after=after, limit=limit))


def _check_same_queue(tx: Transaction, order_id: str, node: str) -> None:
    row = order.get(tx, order_id)
    if row is None or row.node != node:
        raise Conflict("order-elsewhere", "This order was handed to another node. Sign a new order.")


def _check_deliverable(tx: Transaction, claimed: JobOrder, node: str) -> None:
    if review.algorithm(tx, claimed.algorithm) is None:
        raise Unbelievable("algorithm-unknown", "The order names an algorithm that is not here. Submit it first.")
    addressee = accreditation.current(tx, node)
    if addressee is None or addressee.kind != "node":
        raise Unbelievable("node-unknown", f"No node {node} is accredited here.")


def _bundle(tx: Transaction, row: tables.Order) -> OrderBundle:
    (envelope,) = document.envelopes(tx, [row.digest])
    return OrderBundle(order=envelope, **basis(tx, row.researcher, row.algorithm, row.approvals))


def basis(tx: Transaction, researcher: str, algorithm_digest: str, approval_digests: Sequence[str]) -> dict[str, Any]:
    """Return what an order rests on, as the other fields of its bundle."""
    (algorithm,) = document.envelopes(tx, [algorithm_digest])
    approvals = document.envelopes(tx, document.only(tx, approval_digests, Approval.KIND))
    votes = [accepted.read(raw, Approval) for raw in approvals]
    author = accepted.read(algorithm, Algorithm).author
    persons = [researcher, author, *(vote.member for vote in votes)]
    rosters = [*(vote.roster for vote in votes), *roster.newest_of(tx, [vote.committee for vote in votes])]
    statuses = [each.digest for each in accreditation.newest_statuses(tx)]
    return {
        "algorithm": algorithm,
        "approvals": approvals,
        "accreditations": document.envelopes(tx, accreditation.current_digests(tx, persons)),
        "rosters": document.envelopes(tx, rosters),
        "statuses": document.envelopes(tx, statuses),
    }


def _row(claimed: JobOrder, digest: str, node: str, now: datetime) -> tables.Order:
    return tables.Order(
        digest=digest,
        node=node,
        researcher=claimed.researcher,
        project=claimed.project,
        dataset=claimed.dataset,
        algorithm=claimed.algorithm,
        approvals=list(claimed.approvals),
        state=OrderState.QUEUED.value,
        changed=now,
    )
