"""Every refusal as a problem document (RFC 9457): one stable code, one sentence, never the input itself."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from faces.errors import TooMany
from protocol.errors import Refused, SafeconductError
from registry import errors

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:safeconduct:problem:"

STATUS: Final[Mapping[type[SafeconductError], int]] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.Missing: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    TooMany: 429,
    errors.Unbelievable: 422,
    Refused: 422,
    errors.Busy: 503,
    errors.Undelivered: 503,
    errors.StorageFull: 507,
}

_BY_STATUS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("request-malformed", "The request cannot be read. Compare it with the API description."),
    401: ("token-missing", "This needs an access token. Ask for one at /api/v1/token."),
    404: ("route-unknown", "There is nothing at this address. Compare it with the API description."),
    405: ("method-not-allowed", "This address does not take this method. Compare it with the API description."),
    406: ("not-acceptable", "The answer cannot be given in the form that was asked for."),
    413: ("body-too-large", "The body of the request is too large."),
    416: ("range-impossible", "The bytes asked for lie outside of the file."),
}

_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {name: {"type": "string"} for name in ("type", "title", "detail", "code")}
    | {"status": {"type": "integer"}},
}


def _documented(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}


DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": _documented("Refused: a problem document with a stable code and one sentence."),
    503: _documented("The database does not answer at this moment; ask again."),
    507: _documented("The registry's disk is full."),
}
"""What every call may answer besides what it promises."""

log = structlog.get_logger("registry.api")


def install(app: FastAPI) -> None:
    """Make `app` answer every error as a problem document."""
    app.add_exception_handler(SafeconductError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def problem(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Return the problem document as a response."""
    body = {
        "type": f"{TYPE_PREFIX}{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    return JSONResponse(body, status, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store", **(headers or {})})


def status_of(error: SafeconductError) -> int:
    """Return the HTTP status of a refusal: that of its nearest class in the table."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, SafeconductError):
        raise error
    status = status_of(error)
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}.get(status, {})
    if status == STATUS[errors.TooLarge]:
        headers = {"Connection": "close"}  # the rest of the body is not read
    return problem(status, error.code, error.sentence, headers=headers)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    found = [{"where": ".".join(str(part) for part in each["loc"]), "what": each["type"]} for each in error.errors()]
    detail = "A parameter of the request is missing or has the wrong form; see `errors`."
    return problem(422, "request-invalid", detail, errors=found)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    code, detail = _BY_STATUS.get(error.status_code, (f"http-{error.status_code}", "The request was refused."))
    return problem(error.status_code, code, detail, headers=error.headers)


async def _unexpected(_request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected", error=type(error).__name__, where=_where(error))
    return problem(500, "internal-error", "The registry failed. Its operator finds the reason in the log.")


def _where(error: BaseException) -> list[str]:
    """Return file and line of each frame: no values, no messages."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('site-packages/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return frames[-12:]
