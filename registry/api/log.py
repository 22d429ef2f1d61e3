"""The transparency log: for everybody, without a token, except for what would show a document.

GET /log/checkpoint                     the C2SP checkpoint (text)
GET /log/consistency?from=M&to=N        {"from", "to", "proof": ["<base64>", …]}
GET /log/inclusion?digest=D&size=N      the C2SP tlog-proof of a document (text), to whom it may be shown
GET /log/export                         JSON lines: each leaf exactly as it is hashed; last the checkpoint
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from protocol.crypto.encoding import encode_base64
from registry.actions import log
from registry.api.doors import AnyCaller
from registry.request import TheDesk

router = APIRouter(prefix="/log", tags=["log"])

TEXT: Final = "text/plain; charset=utf-8"
LINES: Final = "application/jsonl"

Size = Annotated[int, Query(ge=0, le=2**53 - 1)]


@router.get("/checkpoint", response_class=Response)
def get_checkpoint(desk: TheDesk) -> Response:
    """Return the log's signed size and root."""
    return Response(log.checkpoint(desk), media_type=TEXT)


@router.get("/consistency")
def get_consistency(
    desk: TheDesk, old: Annotated[int, Query(ge=0, le=2**53 - 1, alias="from")], to: Size
) -> dict[str, Any]:
    """Return the proof that the log of `to` entries continues the one of `from` entries."""
    proof = log.consistency(desk, old, to)
    return {"from": old, "to": to, "proof": [encode_base64(step) for step in proof]}


@router.get("/inclusion", response_class=Response)
def get_inclusion(
    desk: TheDesk, caller: AnyCaller, digest: Annotated[str, Query(pattern="^[0-9a-f]{64}$")], size: Size
) -> Response:
    """Return the proof that the log of `size` entries holds a document."""
    return Response(log.inclusion(desk, caller, digest, size), media_type=TEXT)


@router.get("/export", response_class=StreamingResponse)
def get_export(desk: TheDesk) -> StreamingResponse:
    """Return the whole log as JSON lines, for `safeconduct log verify`."""
    return StreamingResponse(log.export(desk), media_type=LINES)
