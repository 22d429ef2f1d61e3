"""What an accreditation office sees: whom it accredited, with which keys, until when, and who sits where."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from registry.actions import account, office
from registry.domain.limits import PAGE_ITEMS
from registry.request import Now, TheDesk
from registry.web.doors import AnOffice, TheForm, ThePages

router = APIRouter(include_in_schema=False)

Slug = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9._@-]{0,99}$")]
Position = Annotated[int, Query(ge=0, le=2**62)]


@router.get("/office")
def show_people(desk: TheDesk, pages: ThePages, me: AnOffice, now: Now, after: Position = 0) -> Response:
    """Show persons and nodes, soonest trouble visible, and the committees' rosters."""
    people = office.list_people(desk, me.person, now, after=after, limit=PAGE_ITEMS)
    following = f"/office?after={people[-1].row.sequence}" if len(people) == PAGE_ITEMS else ""
    committees = office.list_committees(desk, me.person)
    return pages.show("office.html", me.visit, people=people, committees=committees, following=following)


@router.get("/office/people/{subject}")
def show_person(desk: TheDesk, pages: ThePages, me: AnOffice, now: Now, subject: Slug) -> Response:
    """Show one person or node with keys and dates."""
    entry = office.show_person(desk, me.person, subject, now)
    return pages.show("office_person.html", me.visit, entry=entry)


@router.post("/office/people/{subject}/invitation")
def invite(desk: TheDesk, pages: ThePages, me: AnOffice, _form: TheForm, now: Now, subject: Slug) -> Response:
    """Make an invitation for a person who cannot ask for one, since the accredited key is a passkey."""
    made = account.invite(desk, me.person.caller, subject, now)
    return pages.show("invitation.html", me.visit, made=made)
