"""A person's own messages.

GET /messages?before=N   newest first: {"messages": [{"sequence", "title", "text", "path", "at"}, …], "next": N|null}
PUT /messages/address    {"address": "…"} gets a link, and mail once that is opened; null: no mail any more (204)
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, StringConstraints

from registry.actions import address, message
from registry.api.doors import DEFAULT_LIMIT, KnownCaller, Limit, page
from registry.api.lists import written
from registry.domain.address import PATTERN
from registry.request import Now, TheDesk

router = APIRouter(tags=["messages"])

_NEWEST = 2**62
_Address = Annotated[str, StringConstraints(pattern=PATTERN)]


class AddressForm(BaseModel):
    """Where a person wants mail."""

    model_config = ConfigDict(extra="forbid", strict=True)

    address: _Address | None


@router.get("/messages")
def list_messages(
    desk: TheDesk, caller: KnownCaller, before: Annotated[int, Query(ge=0, le=_NEWEST)] = _NEWEST,
    limit: Limit = DEFAULT_LIMIT,
) -> dict[str, Any]:  # fmt: skip
    """List the caller's messages, newest first."""
    rows = message.read_inbox(desk, caller, before=before, limit=limit)
    items = [
        {"sequence": row.sequence, "title": row.title, "text": row.text, "path": row.path, "at": written(row.at)}
        for row in rows
    ]
    return page("messages", items, limit, rows[-1].sequence if rows else None)


@router.put("/messages/address", status_code=204)
def put_address(desk: TheDesk, caller: KnownCaller, now: Now, form: AddressForm) -> None:
    """Ask for mail at an address, which is sent a link that confirms it; or for no mail any more."""
    if form.address is None:
        address.forget(desk, caller, now)
    else:
        address.ask(desk, caller, form.address, now)
