"""POST /invitations: whoever has shown an accredited key may register a login passkey for the pages."""

from fastapi import APIRouter
from pydantic import BaseModel

from registry.actions import account
from registry.api.doors import KnownCaller
from registry.api.lists import written
from registry.request import Now, TheDesk

router = APIRouter(tags=["account"])


class InvitationAnswer(BaseModel):
    """An address that is good once, until `expires`, on the browser that opens it."""

    url: str
    subject: str
    expires: str


@router.post("/invitations", status_code=201)
def invite(desk: TheDesk, caller: KnownCaller, now: Now) -> InvitationAnswer:
    """Ask for an address at which the caller registers a passkey for signing in to the pages."""
    made = account.invite(desk, caller, caller.subject, now)
    return InvitationAnswer(url=made.url, subject=made.subject, expires=written(made.expires))
