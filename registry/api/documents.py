"""Signed documents in, and the same bytes out.

    POST /accreditations /rosters /statuses /algorithms /approvals /rehearsals /orders    201 or 200 {"digest": …}

The body is the DSSE envelope. The signature in it is the authority, so no token is asked for; 200 says that the very
same document had been here before. `POST /orders?node=N` hands an order to another node than it names, and asks for
the token of the researcher who signed it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from registry.actions import accreditation, algorithm, order, read, rehearsal, review, roster, status
from registry.actions.desk import Desk
from registry.actions.publish import Published
from registry.api.doors import ENVELOPE, AnyCaller, Body, Digest, KnownCaller, Slug, raw_body, settled
from registry.request import Now, TheDesk

router = APIRouter(tags=["documents"])

_ENVELOPE: Final = raw_body(ENVELOPE, "A DSSE envelope around an in-toto Statement.")


class PublishedAnswer(BaseModel):
    """The digest of the accepted document: SHA-256 of its payload. For an order, its id."""

    digest: str


def _take(path: str, publish: Callable[[Desk, bytes, datetime], Published], summary: str) -> None:
    def endpoint(desk: TheDesk, now: Now, body: Body, response: Response) -> PublishedAnswer:
        return answer(settled(lambda: publish(desk, body, now)), response)

    endpoint.__doc__ = summary
    router.add_api_route(
        f"/{path}", endpoint, methods=["POST"], status_code=201, name=f"publish-{path}", openapi_extra=_ENVELOPE
    )


_take("accreditations", accreditation.publish_accreditation, "Register who somebody is, on an office's word.")
_take("rosters", roster.publish_roster, "Register who sits on a committee, on an office's word.")
_take("statuses", status.publish_status, "Publish what is revoked, on an office's word.")
_take("algorithms", algorithm.publish_algorithm, "Submit an algorithm version for review.")
_take("approvals", review.publish_approval, "Add a committee member's decision.")
_take("rehearsals", rehearsal.publish_rehearsal, "Add a rehearsal node's report on an algorithm version.")


@router.post("/orders", status_code=201, openapi_extra=_ENVELOPE)
def publish_order(
    desk: TheDesk, now: Now, caller: AnyCaller, body: Body, response: Response,
    node: Annotated[str | None, Query(pattern="^[a-z0-9][a-z0-9._@-]{0,99}$")] = None,
) -> PublishedAnswer:  # fmt: skip
    """Queue a signed order for its node."""
    return answer(settled(lambda: order.publish_order(desk, caller, body, node, now)), response)


@router.get("/documents/{digest}", response_class=Response)
def get_document(desk: TheDesk, caller: AnyCaller, digest: Digest) -> Response:
    """Return a document as it was received."""
    return Response(read.read_document(desk, caller, digest), media_type=ENVELOPE)


@router.get("/accreditations/{subject}", response_class=Response)
def get_accreditation(desk: TheDesk, caller: KnownCaller, subject: Slug) -> Response:
    """Return the newest accreditation of a person or a node."""
    del caller
    return Response(read.read_accreditation(desk, subject), media_type=ENVELOPE)


@router.get("/statuses")
def get_statuses(desk: TheDesk) -> dict[str, Any]:
    """Return each office's newest status."""
    return {"statuses": [envelope.decode() for envelope in status.current_statuses(desk)]}


def answer(published: Published, response: Response) -> PublishedAnswer:
    """Say 201 for a new document and 200 for one that had been here."""
    response.status_code = 201 if published.fresh else 200
    return PublishedAnswer(digest=published.digest)
