"""In and out: enrol a passkey with a one-time code, sign in with it, sign out."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse

from faces.browser import Browser, new_browser
from sandbox.actions import admin_account
from sandbox.actions.passkey import answer_options, enrolment_options
from sandbox.admin.desk import desk_of
from sandbox.admin.guard import AnyForm, OwnForm, browser
from sandbox.admin.views import page

router = APIRouter()


@router.get("/sign-in")
def show_sign_in(request: Request) -> HTMLResponse:
    """Show how to sign in, with a fresh challenge."""
    desk = desk_of(request)
    return page(request, "sign_in.html", None, options=answer_options(desk.site, admin_account.LOGIN, desk.now()))


@router.post("/sign-in")
def sign_in(request: Request, form: AnyForm) -> RedirectResponse:
    """Log in whoever the passkey belongs to."""
    desk, entered = desk_of(request), new_browser(secure=desk_of(request).secure)
    admin_account.log_in(desk.store, desk.site, form.untrusted("credential"), entered.hash, desk.now())
    return _enter(entered)


@router.get("/enrol")
def show_enrol(request: Request) -> HTMLResponse:
    """Ask for the one-time code."""
    return page(request, "enrol.html", None, invited=None)


@router.post("/enrol")
def show_enrol_passkey(request: Request, form: AnyForm) -> HTMLResponse:
    """Show whom the code invites, with what the browser needs to make their passkey."""
    desk, code = desk_of(request), form.untrusted("invitation")
    name = admin_account.read_invited(desk.store, code, desk.now())
    options = enrolment_options(desk.site, name, desk.now())
    return page(request, "enrol.html", None, invited=name, invitation=code, options=options)


@router.post("/enrol/passkey")
def enrol(request: Request, form: AnyForm) -> RedirectResponse:
    """Enrol the invited admin and log them in."""
    desk, entered = desk_of(request), new_browser(secure=desk_of(request).secure)
    code, answer = form.untrusted("invitation"), form.untrusted("credential")
    admin_account.enrol(desk.store, desk.site, code, answer, entered.hash, desk.now())
    return _enter(entered)


@router.post("/sign-out")
def sign_out(request: Request, _: OwnForm) -> RedirectResponse:
    """End the session."""
    desk = desk_of(request)
    admin_account.log_out(desk.store, browser(request).hash, desk.now())
    return RedirectResponse("/sign-in", 303)


def _enter(entered: Browser) -> RedirectResponse:
    response = RedirectResponse("/", 303)
    entered.set_cookie(response)
    return response
