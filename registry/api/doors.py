"""What routes share: the desk, the clock, who is asking, the body, a page of a list."""

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Path, Query, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer
from starlette.requests import ClientDisconnect

from registry.actions import token
from registry.domain.caller import Caller, check_known
from registry.domain.limits import PAGE_ITEMS, PAGE_ITEMS_MOST
from registry.errors import Conflict, Malformed
from registry.request import Now, TheDesk
from registry.store.base import WRITE_CONFLICT

T = TypeVar("T")

ENVELOPE: Final = "application/vnd.dsse.envelope.v1+json"
_LARGEST_SEQUENCE: Final = 2**62

_bearer = HTTPBearer(auto_error=False, description="An access token of /api/v1/token.")


async def caller_of(
    request: Request, desk: TheDesk, now: Now, _documented: Annotated[Any, Security(_bearer)]
) -> Caller | None:
    """Return who is asking; None without a token; raises Unauthenticated for a bad one."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, untrusted = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Malformed("token-scheme", "Only access tokens are taken here: `Authorization: Bearer …`.")
    return await run_in_threadpool(token.authenticate, desk, untrusted.strip(), now)


async def known_caller(caller: Annotated[Caller | None, Depends(caller_of)]) -> Caller:
    """Return who is asking; raises Unauthenticated for nobody."""
    return check_known(caller)


async def body_of(request: Request) -> bytes:
    """Return the body, within the limit that the middleware keeps."""
    try:
        return await request.body()
    except ClientDisconnect as error:
        raise Malformed("body-broken", "The request ended before its body did. Send it again.") from error


AnyCaller = Annotated[Caller | None, Depends(caller_of)]
KnownCaller = Annotated[Caller, Depends(known_caller)]
Body = Annotated[bytes, Depends(body_of)]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 in hexadecimal.")]
Slug = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9._@-]{0,99}$")]
After = Annotated[int, Query(ge=0, le=_LARGEST_SEQUENCE, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=PAGE_ITEMS_MOST)]
DEFAULT_LIMIT: Final = PAGE_ITEMS


def settled(act: Callable[[], T]) -> T:
    """Do it again once if another writer of the same thing was faster: then it is there, and that is no error."""
    try:
        return act()
    except Conflict as error:
        if error.code != WRITE_CONFLICT:
            raise
        return act()


def page(name: str, items: list[dict[str, Any]], limit: int, last: int | str | None) -> dict[str, Any]:
    """Return one page of a list; `next` is null on the last one."""
    return {name: items, "next": last if len(items) == limit else None}


def raw_body(media_type: str, description: str) -> dict[str, Any]:
    """Describe a body that is read as bytes."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {"requestBody": {"required": True, "description": description, "content": content}}
