"""Compose an order: choose, fill in, check your answers, then sign on your own machine. No step needs script.

Answers travel in the form itself from step to step, so that going back loses nothing and the server keeps nothing until
they are confirmed.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from protocol.chain.foresee import UNSEEN
from protocol.errors import SafeconductError
from registry.actions import choice, draft
from registry.actions.choice import Sheet
from registry.domain.account import Person
from registry.errors import Conflict
from registry.request import Now, TheDesk
from registry.web.doors import AResearcher, SignedIn, TheForm, ThePages
from registry.web.draft_form import Typed, fields_of, read_typed

router = APIRouter(include_in_schema=False)

Chosen = Annotated[str, Query(pattern="^([0-9a-f]{64} [a-z0-9][a-z0-9._@-]{0,99})?$")]
"""A version's digest and a project."""


@router.get("/my/jobs/new")
def show_new(desk: TheDesk, pages: ThePages, me: AResearcher, now: Now, of: Chosen = "") -> Response:
    """Show what one may order; once that is chosen, the form."""
    if not of:
        return pages.show("draft_choose.html", me.visit, choices=choice.list_choices(desk, me.person, now))
    sheet = _sheet(desk, me.person, of, now)
    return _form(pages, me, sheet, Typed(of=of))


@router.post("/my/jobs/new")
def compose(desk: TheDesk, pages: ThePages, me: AResearcher, now: Now, form: TheForm) -> Response:
    """Check what was filled in and show it, show the form again, or keep it to be signed."""
    act = form.untrusted("act")
    typed = read_typed(form)
    sheet = _sheet(desk, me.person, typed.of, now)
    composed, errors = typed.composed(sheet.choice)
    if composed is None or act == "change":
        return _form(pages, me, sheet, typed, errors if act != "change" else ())
    try:
        looked = draft.preview(desk, me.person, composed, now)
    except SafeconductError as refusal:  # of all answers together, such as too little ρ for so many outputs
        return _form(pages, me, sheet, typed, (("rho", refusal.sentence),))
    if act == "confirm":
        draft.prepare(desk, me.person, composed, now)
        return RedirectResponse("/my/jobs/drafts", 303)
    return pages.show(
        "draft_check.html", me.visit, sheet=sheet, typed=typed, looked=looked, refusal=_refusal(looked), unseen=UNSEEN
    )  # fmt: skip


@router.get("/my/jobs/drafts")
def show_drafts(desk: TheDesk, pages: ThePages, me: AResearcher, now: Now) -> Response:
    """Show what was composed and waits to be signed, with the command that signs it."""
    return pages.show("drafts.html", me.visit, waiting=draft.list_waiting(desk, me.person, now))


@router.post("/my/jobs/drafts/undo")
def undo(desk: TheDesk, me: AResearcher, now: Now, form: TheForm) -> Response:
    """Forget what was composed."""
    draft.undo(desk, me.person, form.untrusted("code"), now)
    return RedirectResponse("/my/jobs/drafts", 303)


def _sheet(desk: TheDesk, person: Person, of: str, now: Now) -> Sheet:
    algorithm, _, project = of.partition(" ")
    return choice.open_sheet(desk, person, algorithm, project, now)


def _form(
    pages: ThePages, me: SignedIn, sheet: Sheet, typed: Typed, errors: tuple[tuple[str, str], ...] = ()
) -> Response:
    status = 422 if errors else 200
    fields = fields_of(sheet.choice.spec.parameters, typed.parameters, dict(errors))
    return pages.show(
        "draft_form.html",
        me.visit,
        status=status,
        sheet=sheet,
        typed=typed,
        fields=fields,
        errors=errors,
        wrong=dict(errors),
    )


def _refusal(looked: tuple[draft.Looked, ...]) -> Conflict | None:
    try:
        draft.check_none_refused(looked)
    except Conflict as refusal:
        return refusal
    return None
