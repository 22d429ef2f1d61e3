"""Image archives: upload in parts that survive breaks and restarts, download by who needs them.

    HEAD   /images/{sha256}   how far my upload is: Upload-Offset, Upload-Complete (?0 or ?1); 404 when nothing is there
    PUT    /images/{sha256}   the archive from byte 0
    PATCH  /images/{sha256}   Upload-Offset: where these bytes go on; 409 with the right offset otherwise
    DELETE /images/{sha256}   forget my unfinished upload
    GET    /images/{sha256}   the archive, ranges included

The archive is whole when Upload-Length bytes are there, or, where that header is not sent, when the body ends, unless
it says Upload-Complete: ?0. Whole means: the digest is compared, and a wrong archive is removed. The answers are 201
when the archive is settled, 202 when more is expected, 200 when it had been settled before.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse

from registry.actions import image
from registry.api.doors import Digest, KnownCaller, raw_body
from registry.api.problems import problem
from registry.errors import Conflict, Malformed
from registry.request import Now, TheDesk

router = APIRouter(tags=["images"])

_MEDIA_TYPE: Final = "application/x-tar"
_MOST: Final = 2**53
_BODY: Final = raw_body("application/octet-stream", "Bytes of the image archive.")
_MORE: dict[int | str, dict[str, Any]] = {202: {"description": "Kept; more bytes are to come."}}
Count = Annotated[int | None, Header(ge=0, le=_MOST)]
Flag = Annotated[str | None, Header(pattern=r"^\?[01]$")]


@router.head("/images/{digest}", status_code=200)
def look_image(desk: TheDesk, caller: KnownCaller, digest: Digest) -> Response:
    """Say how far the caller's upload has come."""
    return _answer(200, image.standing(desk, caller, digest))


@router.get("/images/{digest}", response_class=FileResponse)
def get_image(desk: TheDesk, caller: KnownCaller, digest: Digest) -> FileResponse:
    """Stream the archive."""
    path = image.fetch(desk, caller, digest)
    return FileResponse(path, media_type=_MEDIA_TYPE, headers={"ETag": f'"{digest}"'})


@router.put("/images/{digest}", status_code=201, responses=_MORE, openapi_extra=_BODY)
async def put_image(
    request: Request, desk: TheDesk, caller: KnownCaller, now: Now, digest: Digest,
    upload_length: Count = None, upload_complete: Flag = None,
) -> Response:  # fmt: skip
    """Receive the archive from its first byte."""
    part = image.Part(digest=digest, offset=None, total=upload_length, last=upload_complete != "?0")
    return await _receive(request, desk, caller, now, part)


@router.patch("/images/{digest}", status_code=201, responses=_MORE, openapi_extra=_BODY)
async def patch_image(
    request: Request, desk: TheDesk, caller: KnownCaller, now: Now, digest: Digest,
    upload_offset: Annotated[int, Header(ge=0, le=_MOST)],
    upload_length: Count = None, upload_complete: Flag = None,
) -> Response:  # fmt: skip
    """Receive the archive's next bytes."""
    part = image.Part(digest=digest, offset=upload_offset, total=upload_length, last=upload_complete != "?0")
    return await _receive(request, desk, caller, now, part)


@router.delete("/images/{digest}", status_code=204)
def delete_image(desk: TheDesk, caller: KnownCaller, now: Now, digest: Digest) -> Response:
    """Forget the caller's unfinished upload."""
    image.discard(desk, caller, digest, now)
    return Response(status_code=204)


async def _receive(request: Request, desk: TheDesk, caller: KnownCaller, now: Now, part: image.Part) -> Response:
    try:
        progress = await image.receive(desk, caller, part, request.stream(), now)
    except ClientDisconnect as error:
        raise Malformed("body-broken", "The request ended before its body did. Ask with HEAD and go on.") from error
    except Conflict as error:
        actual = await run_in_threadpool(desk.blobs.received, part.digest, caller.subject)
        return problem(409, error.code, error.sentence, headers={"Upload-Offset": str(actual), "Connection": "close"})
    return _answer(201 if progress.complete else 202, progress)


def _answer(status: int, progress: image.Progress) -> Response:
    headers = {"Upload-Offset": str(progress.received), "Upload-Complete": f"?{int(progress.complete)}"}
    return Response(status_code=status, headers=headers)
