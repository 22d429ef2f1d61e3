"""The node's admin page as one application: everything but the door, style and health needs a session."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from faces import assets
from faces.errors import FaceError, SignInNeeded
from faces.pages import Pages
from faces.pages import Site as Title
from faces.surround import Surround
from sandbox.actions.admin_account import Visitor
from sandbox.admin import caps, deeds, door, pages
from sandbox.admin.desk import Desk, desk_of
from sandbox.admin.guard import PART, visitor
from sandbox.admin.views import TEMPLATES, visit_of
from sandbox.errors import BadInput, InfrastructureLost, Refused, SafeconductError

UNKNOWN: Final = frozenset({"job-unknown", "policy-unknown"})
STATUS: Final = {Refused: 403, BadInput: 422, InfrastructureLost: 503}
SENTENCE: Final = (
    "What runs here beside the data, why something waits, and what it cost. Nothing here releases an answer."
)


def make_app(desk: Desk, web: Path | None) -> FastAPI:
    """Make the application of one node; `web` is the folder of the files that set-up installed."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.desk = desk
    app.state.pages = Pages(Title(name=f"Node {desk.node}", sentence=SENTENCE), TEMPLATES, assets.read_assets(web))
    for part in (assets, door, pages, deeds, caps):
        app.include_router(part.router)
    app.add_api_route("/healthz", get_health, methods=["GET"])
    app.add_exception_handler(SafeconductError, show_refusal)
    app.add_exception_handler(RequestValidationError, show_unknown)
    app.add_exception_handler(HTTPException, show_unknown)
    hosts = [desk.site.page.origin.partition("://")[2].partition(":")[0], "127.0.0.1"]  # no name bound anew to us
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    app.add_middleware(Surround)
    return app


def get_health(request: Request) -> PlainTextResponse:
    """Say that the page is served and its database answers; nothing more."""
    with desk_of(request).store.reading() as session:
        session.connection()
    return PlainTextResponse("ok\n")


def show_refusal(request: Request, error: Exception) -> Response:
    """Say what was refused, why, and what to do next; who reads and is not signed in is led to the door."""
    if not isinstance(error, SafeconductError):
        raise error
    if isinstance(error, SignInNeeded) and request.method == "GET" and not request.url.path.endswith(PART):
        return RedirectResponse("/sign-in", 303)
    return _say(request, _status_of(error), error.code, error.sentence)


def show_unknown(request: Request, error: Exception) -> Response:
    """Say that there is nothing at an address."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    return _say(request, status, "nothing-here", "There is nothing at this address; go on from the status page.")


def _status_of(error: SafeconductError) -> int:
    if isinstance(error, FaceError):
        return error.status
    return 404 if error.code in UNKNOWN else STATUS.get(type(error), 409)


def _say(request: Request, status: int, code: str, sentence: str) -> Response:
    shown: Pages = request.app.state.pages
    return shown.refused(visit_of(request, _whoever(request)), status, code, sentence)


def _whoever(request: Request) -> Visitor | None:
    """Whoever is logged in, for the links at the top of the page; nobody is as good."""
    try:
        return visitor(request)
    except SafeconductError:
        return None
