"""Refusals as pages where a page was asked for, and as problem documents everywhere else."""

from collections.abc import Awaitable, Callable
from typing import Final, cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from faces.errors import FaceError, FilesMissing, SignInNeeded
from faces.pages import Pages
from protocol.errors import SafeconductError
from registry.web.doors import Looker, looker_of, this_browser

Handler = Callable[[Request, Exception], Awaitable[Response]]

FOR_PROGRAMS: Final = ("/api/", "/health", "/ready", "/metrics", "/static/")

_HTTP: Final = {
    404: ("page-unknown", "There is no such page, or it is not yours to see. Start from the first page."),
    405: ("method-not-allowed", "This page does not take what was sent. Go back and use its buttons."),
}


def install(app: FastAPI, status_of: Callable[[SafeconductError], int]) -> None:
    """Let pages answer with pages; the API's handlers, installed before, keep the rest."""

    def choose(kind: type[Exception], shown: Callable[[Exception], tuple[int, str, str]]) -> None:
        theirs = cast("Handler", app.exception_handlers[kind])

        async def handle(request: Request, error: Exception) -> Response:
            if request.url.path.startswith(FOR_PROGRAMS) or isinstance(error, FilesMissing):
                return await theirs(request, error)
            if isinstance(error, SignInNeeded) and request.method == "GET":
                return RedirectResponse(f"/sign-in?next={quote(_asked(request))}", 303)
            return _page(request, *shown(error))

        app.add_exception_handler(kind, handle)

    def refused(error: Exception) -> tuple[int, str, str]:
        if not isinstance(error, SafeconductError):
            raise error
        status = error.status if isinstance(error, FaceError) else status_of(error)
        return status, error.code, error.sentence

    def http(error: Exception) -> tuple[int, str, str]:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return (status, *_HTTP.get(status, (f"http-{status}", "The request was refused.")))

    choose(SafeconductError, refused)
    choose(HTTPException, http)
    choose(RequestValidationError, lambda _: (404, *_HTTP[404]))


def _asked(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _page(request: Request, status: int, code: str, sentence: str) -> Response:
    pages: Pages = request.app.state.pages
    try:
        looker = looker_of(request)
    except SafeconductError:  # the database does not answer: the page can still say so
        looker = Looker(browser=this_browser(request), person=None)
    return pages.refused(looker.visit, status, code, sentence)
