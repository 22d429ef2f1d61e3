"""Signing in and out, registering a passkey, and one's own sessions."""

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from faces.browser import new_browser
from faces.pages import Pages
from faces.rate import RateLimit
from registry.actions import account, address
from registry.actions.desk import Desk
from registry.errors import RegistryError
from registry.request import Now, TheDesk, now_of
from registry.web.doors import Anybody, APerson, SignedIn, TheForm, ThePages, own_path

router = APIRouter(include_in_schema=False)

TRIES_PER_MINUTE: Final = 30
"""From one address: a hospital's whole committee may sit behind one."""


def limit_tries(request: Request) -> None:
    """Raise TooMany for an address that tries too often."""
    limit: RateLimit = request.app.state.tries
    limit.check(request.client.host if request.client else "", now_of(request))


def new_limit() -> RateLimit:
    """Return the count that an application keeps."""
    return RateLimit(TRIES_PER_MINUTE, timedelta(minutes=1))


LIMITED = [Depends(limit_tries)]
Next = Annotated[str, Query(alias="next", max_length=500)]
Code = Annotated[str, Query(max_length=100)]


@router.get("/sign-in", dependencies=LIMITED)
def show_sign_in(
    desk: TheDesk, pages: ThePages, looker: Anybody, now: Now, request: Request, next_: Next = "/"
) -> Response:
    """Show the button that signs in; an invitation is the way to a passkey."""
    if f"{request.url.scheme}://{request.url.netloc}" != desk.page.origin and request.url.scheme == "http":
        away = request.url.netloc.partition(":")[0] in ("127.0.0.1", "[::1]") and desk.page.rp_id == "localhost"
        if away:  # a browser gives passkeys to a name, not to a number
            return RedirectResponse(f"{desk.page.origin}/sign-in", 303)
    options = account.begin_sign_in(desk, looker.browser, now)
    return pages.show("sign_in.html", looker.visit, options=options, next=own_path(next_))


@router.post("/sign-in", dependencies=LIMITED)
def sign_in(desk: TheDesk, looker: Anybody, form: TheForm, now: Now) -> Response:
    """Sign in with the passkey's answer."""
    fresh = account.sign_in(desk, looker.browser, form.untrusted("credential"), now)
    answer = RedirectResponse(own_path(form.untrusted("next")), 303)
    fresh.set_cookie(answer)
    return answer


@router.get("/enrol", dependencies=LIMITED)
def show_enrolment(desk: TheDesk, pages: ThePages, looker: Anybody, now: Now, code: Code = "") -> Response:
    """Show an invitation and the button that registers a passkey."""
    begun = account.begin_enrolment(desk, looker.browser, code, now)
    return pages.show("enrol.html", looker.visit, subject=begun.subject, options=begun.options, code=code)


@router.post("/enrol", dependencies=LIMITED)
def enrol(desk: TheDesk, looker: Anybody, form: TheForm, now: Now) -> Response:
    """Register the passkey and sign in."""
    fresh = account.enrol(desk, looker.browser, form.untrusted("code"), form.untrusted("credential"), now)
    answer = RedirectResponse("/account", 303)
    fresh.set_cookie(answer)
    return answer


@router.post("/sign-out")
def sign_out(desk: TheDesk, me: APerson, _form: TheForm, now: Now) -> Response:
    """Sign out on this browser."""
    account.sign_out(desk, me.person, me.browser, now)
    return _gone(secure=me.browser.secure)


@router.get("/account")
def show_account(desk: TheDesk, pages: ThePages, me: APerson, now: Now) -> Response:
    """Show one's own roles, mail address, sessions and passkeys."""
    return account_page(desk, pages, me, now)


def account_page(
    desk: Desk, pages: Pages, me: SignedIn, now: datetime, *, typed: str = "", refusal: RegistryError | None = None
) -> Response:
    """Return the page; with a refusal of the mail address that was typed, beside what was typed."""
    return pages.show(
        "account.html",
        me.visit,
        status=400 if refusal else 200,
        person=me.person,
        addresses=address.show(desk, me.person.subject),
        typed=typed,
        error=refusal.sentence if refusal else "",
        sessions=account.list_sessions(desk, me.person, now),
        passkeys=account.list_passkeys(desk, me.person),
        here=me.browser.hash,
    )


@router.post("/account/sign-out-everywhere")
def sign_out_everywhere(desk: TheDesk, me: APerson, _form: TheForm, now: Now) -> Response:
    """End all of one's sessions, this one included."""
    account.sign_out_everywhere(desk, me.person, now)
    return _gone(secure=me.browser.secure)


@router.post("/account/end-session")
def end_session(desk: TheDesk, me: APerson, form: TheForm, now: Now) -> Response:
    """End one of one's sessions."""
    account.end_session(desk, me.person, form.untrusted("session"), now)
    return RedirectResponse("/account", 303)


@router.post("/account/remove-passkey")
def remove_passkey(desk: TheDesk, me: APerson, form: TheForm, now: Now) -> Response:
    """Forget one of one's passkeys and end all sessions."""
    account.remove_passkey(desk, me.person, form.untrusted("passkey"), now)
    return _gone(secure=me.browser.secure)


def _gone(*, secure: bool) -> Response:
    answer = RedirectResponse("/", 303)
    new_browser(secure=secure).set_cookie(answer)
    return answer
