"""One's own mail address: asked for, confirmed by the link that was mailed there, removed."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from registry.actions import address
from registry.errors import Malformed
from registry.request import Now, TheDesk
from registry.web.account import account_page
from registry.web.doors import APerson, TheForm, ThePages

router = APIRouter(include_in_schema=False)

Code = Annotated[str, Query(max_length=100)]


@router.post("/account/address")
def ask(desk: TheDesk, pages: ThePages, me: APerson, form: TheForm, now: Now) -> Response:
    """Have a link sent to an address; one that is no address comes back with what was typed."""
    typed = form.untrusted("address")
    try:
        address.ask(desk, me.person.caller, typed, now)
    except Malformed as refusal:
        return account_page(desk, pages, me, now, typed=typed, refusal=refusal)
    return RedirectResponse("/account", 303)


@router.get("/account/address")
def show(desk: TheDesk, pages: ThePages, me: APerson, now: Now, code: Code = "") -> Response:
    """Show what the link would do; opening it changes nothing yet."""
    wanted = address.begin_confirming(desk, me.person.subject, code, now) if code else ""
    return pages.show("address.html", me.visit, wanted=wanted, code=code)


@router.post("/account/address/confirm")
def confirm(desk: TheDesk, me: APerson, form: TheForm, now: Now) -> Response:
    """Let mail go there."""
    address.confirm(desk, me.person.caller, form.untrusted("code"), now)
    return RedirectResponse("/account", 303)


@router.post("/account/address/remove")
def remove(desk: TheDesk, me: APerson, _form: TheForm, now: Now) -> Response:
    """Let mail go nowhere."""
    address.forget(desk, me.person.caller, now)
    return RedirectResponse("/account", 303)
