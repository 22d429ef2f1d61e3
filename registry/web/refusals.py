"""Refusals as pages where a page was asked for, and as problem documents everywhere else.

Whatever refused a form, and be it that the session ended meanwhile: what somebody typed is shown, for copying.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from faces.errors import FaceError, FilesMissing, FormRefused, SignInNeeded
from faces.pages import Pages
from protocol.errors import SafeconductError
from registry.request import desk_of
from registry.web.doors import Looker, form_of, looker_of, own_path, this_browser
from registry.web.draft_form import PREFIX

Handler = Callable[[Request, Exception], Awaitable[Response]]

FOR_PROGRAMS: Final = ("/api/", "/health", "/ready", "/metrics", "/static/")

TYPED: Final = ("rationale", "reason", "text", "address", "project", "purpose", "persons")
"""The fields in which people write, besides the parameters of a job."""

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
            return _page(request, *shown(error), typed=await _typed(request, error))

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


def _page(request: Request, status: int, code: str, sentence: str, typed: Sequence[str]) -> Response:
    pages: Pages = request.app.state.pages
    try:
        looker = looker_of(request)
    except SafeconductError:  # the database does not answer: the page can still say so
        looker = Looker(browser=this_browser(request), person=None)
    return pages.refused(looker.visit, status, code, sentence, typed=typed, back=_form_page(request))


async def _typed(request: Request, error: Exception) -> tuple[str, ...]:
    """Return what somebody wrote in the form that was refused. Without a session nobody has read that form yet."""
    fields = error.untrusted_fields if isinstance(error, FormRefused) else {}
    try:
        read = getattr(request.state, "form", None)
        if read is None and isinstance(error, SignInNeeded):
            read = await form_of(request)
        fields = read.untrusted_fields if read is not None else fields
    except FormRefused as refusal:
        fields = refusal.untrusted_fields
    except FaceError:  # no form of ours: there is nothing to keep
        return ()
    named = [name for name in fields if name in TYPED or name.startswith(PREFIX)]
    return tuple(value.strip() for name in named for value in fields[name] if value.strip())


def _form_page(request: Request) -> str:
    """Return the page on which a refused form stood, as the browser says; empty for any other request."""
    origin, said = desk_of(request).page.origin, request.headers.get("referer", "")
    ours = request.method == "POST" and said.startswith(f"{origin}/")
    return own_path(said.removeprefix(origin)) if ours else ""
