"""The page on which a member signs a prepared decision at the registry itself, where holders allow that.

Script is needed for the passkey's own button alone, the one that also signs people in (`faces/static/faces.js`).
"""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import RedirectResponse, Response

from registry.actions import sign
from registry.request import Now, TheDesk
from registry.web.doors import APerson, TheForm, ThePages

router = APIRouter(include_in_schema=False)

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.get("/reviews/{digest}/sign/{statement}")
def show_statement(
    desk: TheDesk, pages: ThePages, me: APerson, now: Now, digest: Digest, statement: Digest
) -> Response:
    """Show the statement in full, and the button that asks for the signing passkey."""
    found = sign.show(desk, me.person.caller, digest, statement, now)
    return pages.show("sign.html", me.visit, to_sign=found, approval=found.approval, prepared=found.prepared)


@router.post("/reviews/{digest}/sign/{statement}")
def sign_statement(desk: TheDesk, me: APerson, now: Now, digest: Digest, statement: Digest, form: TheForm) -> Response:
    """Publish the statement under the passkey's answer."""
    sign.sign(desk, me.person.caller, digest, statement, form.untrusted("credential"), now)
    return RedirectResponse(f"/reviews/{digest}", 303)
