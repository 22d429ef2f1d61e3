"""Caps: what the holder's policy sets, and the two persons who confirm a policy that raises one."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse

from sandbox.actions.passkey import answer_options
from sandbox.actions.policy import examine_next
from sandbox.actions.two_persons import confirm_policy, list_proposals, propose_policy, purpose_of
from sandbox.admin.desk import desk_of
from sandbox.admin.guard import OwnForm, Reader
from sandbox.admin.pages import Order
from sandbox.admin.views import page
from sandbox.domain.policy_change import CAPS

router = APIRouter()


@router.get("/policy")
def show_policy(request: Request, visitor: Reader) -> HTMLResponse:
    """Show the caps in effect and what was proposed, each proposal with a challenge for the visitor's own passkey."""
    desk = desk_of(request)
    policy = desk.trust()[1]
    proposals = [
        row | {"options": answer_options(desk.site, purpose_of(row["digest"]), desk.now())}
        for row in list_proposals(desk.store, policy)
    ]
    caps = {name: getattr(policy, name) for name in CAPS}
    return page(request, "policy.html", visitor, version=policy.version, caps=caps, proposals=proposals)


@router.post("/policy")
def propose(request: Request, who: Reader, form: OwnForm) -> RedirectResponse:
    """Take the holder's next policy, if it is signed and follows the one in effect."""
    desk = desk_of(request)
    root, current = desk.trust()
    following = examine_next(current, root, desk.cedar(), form.untrusted("policy").encode())
    propose_policy(desk.store, following.policy, following.raw, who, desk.now())
    return RedirectResponse("/policy?done=propose", 303)


@router.post("/policy/{order}/confirm")
def confirm(request: Request, who: Reader, form: OwnForm, order: Order) -> RedirectResponse:
    """Confirm a proposed policy with one's own passkey."""
    desk = desk_of(request)
    confirm_policy(desk.store, desk.site, desk.trust()[1], order, who, form.untrusted("credential"), desk.now())
    return RedirectResponse("/policy?done=confirm", 303)
