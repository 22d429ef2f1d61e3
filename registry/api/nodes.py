"""What nodes do: wait for orders, report, hand in receipts and releases, say what they offer.

`GET /nodes/{node}/orders?wait=25` answers as soon as an order is queued, or with none after so many seconds:

    {"orders": [{"order", "algorithm", "approvals", "accreditations", "rosters", "statuses"}, …],
     "ids": ["<order id>", …], "statuses": ["<newest status of each office>", …]}

Each bundle holds the envelopes' exact texts. An order is handed out again until the node reports progress on it or
sends its receipt, so a node that crashes in between loses nothing.
"""

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict

from protocol.documents.strict import build, parse_object
from registry.actions import catalogue, order, receipt, status
from registry.actions.desk import Desk
from registry.api.catalogue import Budgets, Catalogue
from registry.api.documents import PublishedAnswer, answer
from registry.api.doors import ENVELOPE, Body, Digest, KnownCaller, Slug, raw_body, settled
from registry.api.orders import CIPHERTEXT
from registry.domain.caller import Caller
from registry.domain.limits import DOCUMENT_BYTES, RECHECK_SECONDS, WAIT_SECONDS
from registry.request import Now, TheDesk

router = APIRouter(tags=["nodes"])


class Progress(BaseModel):
    """How far a node is with an order."""

    model_config = ConfigDict(extra="forbid", strict=True)

    order: str
    state: str


@router.get("/nodes/{node}/orders")
async def wait_for_orders(
    desk: TheDesk, caller: KnownCaller, now: Now, node: Slug,
    wait: Annotated[int, Query(ge=0, le=WAIT_SECONDS)] = 0,
) -> Response:  # fmt: skip
    """Hand out the head of the node's queue, waiting for it at most `wait` seconds."""
    await run_in_threadpool(order.note_poll, desk, caller, node, now)
    handed = await _wait(desk, caller, node, wait)
    statuses = await run_in_threadpool(status.current_statuses, desk)
    found = {
        "orders": [json.loads(each.bundle.to_json()) for each in handed],
        "ids": [each.order_id for each in handed],
        "statuses": [envelope.decode() for envelope in statuses],
    }
    return Response(json.dumps(found, ensure_ascii=False), media_type="application/json")


async def _wait(desk: Desk, caller: Caller, node: str, seconds: int) -> tuple[order.Handed, ...]:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    with desk.bell.listening(node) as ear:
        while True:
            handed = await run_in_threadpool(order.collect, desk, caller, node)
            left = until - loop.time()
            if handed or left <= 0 or desk.bell.closed:
                return handed
            await ear.heard(min(left, RECHECK_SECONDS))


@router.post("/nodes/{node}/progress", openapi_extra=raw_body("application/json", '{"order": …, "state": …}'))
def report_progress(desk: TheDesk, caller: KnownCaller, now: Now, node: Slug, body: Body) -> dict[str, Any]:
    """Hear how far the node is; this acknowledges the order."""
    said = build(Progress, parse_object(body, DOCUMENT_BYTES))
    state = order.report_progress(desk, caller, node, said.order, said.state, now)
    return {"order": said.order, "state": state.value}


@router.post(
    "/nodes/{node}/receipts", status_code=201, openapi_extra=raw_body(ENVELOPE, "The DSSE envelope of a Receipt.")
)
def publish_receipt(
    desk: TheDesk, caller: KnownCaller, now: Now, node: Slug, body: Body, response: Response
) -> PublishedAnswer:
    """Accept the receipt of an order."""
    return answer(settled(lambda: receipt.publish_receipt(desk, caller, node, body, now)), response)


@router.put(
    "/nodes/{node}/releases/{order_id}", status_code=201, openapi_extra=raw_body(CIPHERTEXT, "The encrypted release.")
)
def store_release(
    desk: TheDesk, caller: KnownCaller, now: Now, node: Slug, order_id: Digest, body: Body, response: Response
) -> dict[str, Any]:
    """Keep the encrypted release that the order's receipt binds."""
    fresh = receipt.store_release(desk, caller, node, order_id, body, now)
    response.status_code = 201 if fresh else 200
    return {"order": order_id}


@router.put("/nodes/{node}/catalogue", openapi_extra=raw_body("application/json", '{"datasets": [ … ]}'))
def replace_catalogue(desk: TheDesk, caller: KnownCaller, now: Now, node: Slug, body: Body) -> dict[str, Any]:
    """Replace what the node says it offers."""
    said = build(Catalogue, parse_object(body, DOCUMENT_BYTES))
    entries = [entry.model_dump(mode="json") for entry in said.datasets]
    catalogue.replace_catalogue(desk, caller, node, entries, now)
    return {"node": node, "datasets": len(entries)}


@router.put("/nodes/{node}/budgets", openapi_extra=raw_body("application/json", '{"budgets": [ … ]}'))
def replace_budgets(desk: TheDesk, caller: KnownCaller, now: Now, node: Slug, body: Body) -> dict[str, Any]:
    """Replace what the node says is left of its datasets' budgets."""
    said = build(Budgets, parse_object(body, DOCUMENT_BYTES))
    entries = [entry.model_dump(mode="json") for entry in said.budgets]
    catalogue.replace_budgets(desk, caller, node, entries, now)
    return {"node": node, "budgets": len(entries)}
