"""Take a node's signed receipt, then the encrypted release that it binds; hand both to whom they belong.

The order is fixed (DESIGN 5, step 15): first the receipt, then the release. So there is never a release whose price
and purpose nobody can prove.
"""

from datetime import datetime

from protocol.crypto.digest import sha256_hex
from protocol.documents.envelope import Envelope, read_envelope
from protocol.documents.receipt import Receipt
from registry.actions import identity, publish
from registry.actions.desk import Desk
from registry.actions.order import of_node
from registry.domain.caller import Caller, check_is_node, missing
from registry.domain.order import OrderState, decide
from registry.errors import Conflict, Unbelievable
from registry.store import document, order, tables
from registry.store.base import Transaction


def publish_receipt(desk: Desk, caller: Caller, node: str, untrusted: bytes, now: datetime) -> publish.Published:
    """Accept the one receipt of an order from the node that the order was handed to."""
    check_is_node(caller, node)
    envelope = read_envelope(untrusted)
    claimed = envelope.untrusted(Receipt)
    with desk.store.transaction() as tx:
        if done := publish.known(tx, envelope):
            return done
        row = of_node(tx, node, claimed.order)
        _check_receipt(tx, row, claimed, envelope, now)
        row.state, row.changed = decide(OrderState(row.state), claimed.decision).value, now
        published = publish.keep(tx, envelope, claimed.KIND, node, now)
        row.receipt, row.release_digest = envelope.digest, claimed.release_digest
        return published


def store_release(desk: Desk, caller: Caller, node: str, order_id: str, ciphertext: bytes, now: datetime) -> bool:
    """Keep the encrypted release that the order's receipt binds; says whether it is new."""
    check_is_node(caller, node)
    with desk.store.reading() as tx:
        bound = of_node(tx, node, order_id).release_digest
    _check_release(bound, ciphertext)
    desk.blobs.put(ciphertext)
    with desk.store.transaction() as tx:
        row = of_node(tx, node, order_id)
        if row.release_stored is not None:
            return False
        row.release_stored, row.state, row.changed = now, OrderState.RELEASED.value, now
        document.record(tx, now, node, "release.stored", order_id)
        return True


def fetch_receipt(desk: Desk, caller: Caller, order_id: str) -> bytes:
    """Return the receipt's envelope to the order's researcher or its node."""
    with desk.store.reading() as tx:
        row = order.get(tx, order_id)
        if row is None or caller.subject not in (row.researcher, row.node):
            raise missing("order")
        if row.receipt is None:
            raise missing("receipt")
        found = document.envelopes(tx, [row.receipt])
        if not found:
            raise missing("receipt")
        return found[0]


def fetch_release(desk: Desk, caller: Caller, order_id: str, now: datetime) -> bytes:
    """Return the encrypted release to the researcher who ordered it, and to nobody else; the reading is recorded."""
    with desk.store.transaction() as tx:
        row = order.get(tx, order_id)
        if row is None or caller.kind != "person" or caller.subject != row.researcher:
            raise missing("order")
        if row.release_stored is None or row.release_digest is None:
            raise missing("release")
        digest = row.release_digest
        document.record(tx, now, caller.subject, "release.fetched", order_id)
    found = desk.blobs.get(digest)
    if found is None:
        raise missing("release")
    return found


def _check_receipt(tx: Transaction, row: tables.Order, claimed: Receipt, envelope: Envelope, now: datetime) -> None:
    if claimed.node != row.node or claimed.researcher != row.researcher:
        raise Unbelievable("receipt-other-order", "The receipt speaks of another node or researcher than the order.")
    envelope.check_signed(identity.signer(tx, row.node, "node", now).keys)
    if row.receipt is not None:
        raise Conflict("receipt-taken", "This order has another receipt already. An order is decided once.")


def _check_release(bound: str | None, ciphertext: bytes) -> None:
    if bound is None:
        raise Conflict("receipt-first", "There is no receipt that binds a release of this order. Send it first.")
    if sha256_hex(ciphertext) != bound:
        raise Unbelievable("release-digest", "The release is not the one that the receipt binds.")
