"""What a researcher asks about orders: state, receipt, release. Nobody else's are ever shown."""

from typing import Any, Final

from fastapi import APIRouter, Response

from registry.actions import order, receipt
from registry.api.doors import DEFAULT_LIMIT, ENVELOPE, After, Digest, KnownCaller, Limit, page
from registry.api.lists import written
from registry.request import Now, TheDesk
from registry.store import tables

router = APIRouter(tags=["orders"])

CIPHERTEXT: Final = "application/octet-stream"


@router.get("/orders")
def list_orders(desk: TheDesk, caller: KnownCaller, after: After = 0, limit: Limit = DEFAULT_LIMIT) -> dict[str, Any]:
    """List the caller's own orders, oldest first."""
    rows = order.list_orders(desk, caller, after=after, limit=limit)
    return page("orders", [_order(row) for row in rows], limit, rows[-1].sequence if rows else None)


@router.get("/orders/{order_id}")
def get_order(desk: TheDesk, caller: KnownCaller, order_id: Digest) -> dict[str, Any]:
    """Say where an order stands."""
    return _order(order.show_order(desk, caller, order_id))


@router.get("/orders/{order_id}/receipt", response_class=Response)
def get_receipt(desk: TheDesk, caller: KnownCaller, order_id: Digest) -> Response:
    """Return the node's receipt as it was sent."""
    return Response(receipt.fetch_receipt(desk, caller, order_id), media_type=ENVELOPE)


@router.get("/orders/{order_id}/release", response_class=Response)
def get_release(desk: TheDesk, caller: KnownCaller, now: Now, order_id: Digest) -> Response:
    """Return the encrypted release as it was sent, to the researcher who ordered it."""
    return Response(receipt.fetch_release(desk, caller, order_id, now), media_type=CIPHERTEXT)


def _order(row: tables.Order) -> dict[str, Any]:
    return {
        "order": row.digest,
        "node": row.node,
        "dataset": row.dataset,
        "project": row.project,
        "algorithm": row.algorithm,
        "state": row.state,
        "changed": written(row.changed),
        "receipt": row.receipt,
        "release_digest": row.release_digest,
        "release_ready": row.release_stored is not None,
    }
