"""One's own versions: the list of tasks, and the request to committees with its answers checked before it is sent.

A request is not signed: it runs nothing. What committees sign is a statement that the registry prepares from it and
their own machines check.
"""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import RedirectResponse, Response

from registry.actions import review_acts, version
from registry.actions.version import AskSheet
from registry.domain.review import ABOUT
from registry.errors import RegistryError
from registry.request import Now, TheDesk
from registry.web.ask_form import TypedRequest, read_typed
from registry.web.doors import AResearcher, SignedIn, TheForm, ThePages

router = APIRouter(include_in_schema=False)

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.get("/my/algorithms")
def show_mine(desk: TheDesk, pages: ThePages, me: AResearcher, now: Now) -> Response:
    """Show one's accreditation and one's versions, each with what comes next."""
    return pages.show("my_algorithms.html", me.visit, mine=version.show_mine(desk, me.person, now), about=ABOUT)


@router.get("/my/algorithms/{digest}")
def show_version(desk: TheDesk, pages: ThePages, me: AResearcher, now: Now, digest: Digest) -> Response:
    """Show one version: what is done, what is to do, what was said of it."""
    found = version.show_version(desk, me.person, digest, now)
    return pages.show("my_algorithm.html", me.visit, version=found, about=ABOUT[found.whole.review.state])


@router.get("/my/algorithms/{digest}/ask")
def show_ask(desk: TheDesk, pages: ThePages, me: AResearcher, now: Now, digest: Digest) -> Response:
    """Show the form of a request."""
    sheet = version.open_ask(desk, me.person, digest, now)
    return _form(pages, me, sheet, TypedRequest(persons=me.person.subject))


@router.post("/my/algorithms/{digest}/ask")
def ask(desk: TheDesk, pages: ThePages, me: AResearcher, now: Now, digest: Digest, form: TheForm) -> Response:
    """Check what was filled in and show it, show the form again, or send it."""
    act, typed = form.untrusted("act"), read_typed(form)
    sheet = version.open_ask(desk, me.person, digest, now)
    asked, errors = typed.asked(sheet, now)
    if asked is None or act == "change":
        return _form(pages, me, sheet, typed, errors if act != "change" else ())
    if act == "confirm":
        try:
            review_acts.ask(desk, me.person.caller, digest, asked, now)
        except RegistryError as refusal:
            return _form(pages, me, sheet, typed, (("project", refusal.sentence),))
        return RedirectResponse(f"/my/algorithms/{digest}", 303)
    seen = {"asked": (version.preview_request(desk, sheet, asked, now),)}
    return pages.show("ask_check.html", me.visit, sheet=sheet, typed=typed, page=seen)


def _form(
    pages: ThePages, me: SignedIn, sheet: AskSheet, typed: TypedRequest, errors: tuple[tuple[str, str], ...] = ()
) -> Response:
    status = 422 if errors else 200
    return pages.show(
        "ask_form.html", me.visit, status=status, sheet=sheet, typed=typed, errors=errors, wrong=dict(errors)
    )
