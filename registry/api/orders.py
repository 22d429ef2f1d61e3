"""What a researcher asks about orders: state, receipt, release, and what was composed on a page to be signed."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response

from registry.actions import handover, order, receipt
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


@router.get("/order-drafts/{code}")
def get_drafts(
    desk: TheDesk, now: Now, code: Annotated[str, Path(pattern="^[A-Za-z0-9_-]{43}$")]
) -> dict[str, str | list[str]]:
    """Return the orders that a code fetches, as canonical JSON to be signed, and the envelopes that they rest on."""
    found = handover.hand_over_drafts(desk, code, now)
    carried = {name: [raw.decode() for raw in raws] for name, raws in found.basis.items() if name != "algorithm"}
    return {
        "drafts": [choices.decode() for choices in found.choices],
        "algorithm": found.basis["algorithm"].decode(),
        **carried,
    }


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
