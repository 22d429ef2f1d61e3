"""What committees see and do: the lists, one page for each review, the inbox. Votes are signed elsewhere.

Every form works without script and goes back to its page. A decision is confirmed here, and signed on the member's own
machine: this page is the registry's, and a stolen registry could show one thing and have another signed. Where holders
allow it all the same, `registry.web.sign` asks for the signature.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import RedirectResponse, Response

from faces.forms import Form
from protocol.documents.passkey import ON_REGISTRY_PAGE
from protocol.documents.strict import build
from registry.actions import message, review, review_acts, review_page, review_standing, sbom
from registry.actions.review_acts import Chosen
from registry.domain.limits import PAGE_ITEMS
from registry.domain.review import ABOUT
from registry.domain.review_acts import CONSEQUENCES, NOTICES, Act, check_may, check_reason
from registry.domain.terms import UntrustedTerms
from registry.errors import Malformed, RegistryError
from registry.request import Now, TheDesk
from registry.web.doors import APerson, TheForm, ThePages
from registry.web.review_glance import glance

router = APIRouter(include_in_schema=False)

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
Position = Annotated[int, Query(ge=0, le=2**62)]
Tab = Literal["open", "researcher", "decided"]
NEWEST = 2**62


@router.get("/reviews")
def show_reviews(
    desk: TheDesk, pages: ThePages, me: APerson, now: Now, tab: Tab = "open", after: Position = 0
) -> Response:
    """Show one list of reviews."""
    found = review_page.list_page(desk, me.person.caller, tab, now, after=after, limit=PAGE_ITEMS)
    last = max((each.algorithm.sequence for each in found), default=0)
    following = f"/reviews?tab={tab}&after={last}" if len(found) == PAGE_ITEMS else ""
    return pages.show("reviews.html", me.visit, reviews=found, tab=tab, following=following, about=ABOUT)


@router.get("/reviews/{digest}")
def show_review(desk: TheDesk, pages: ThePages, me: APerson, now: Now, digest: Digest) -> Response:
    """Show one review."""
    page = review_page.show_page(desk, me.person.caller, digest, now)
    seen = page.whole.review
    refusals = {act.value: _refusal(act, seen.role, seen.state) for act in Act}
    told: dict[str, Any] = {"about": ABOUT[seen.state], "refusals": refusals, "notices": NOTICES, "items": glance(page)}
    told["label"] = ON_REGISTRY_PAGE
    return pages.show("review.html", me.visit, page=page, seen=seen, **told)


@router.get("/reviews/{digest}/sbom")
def download_sbom(desk: TheDesk, me: APerson, digest: Digest) -> Response:
    """Hand out the bill of materials of the version's image."""
    headers = {"Content-Disposition": f'attachment; filename="{digest[:16]}.cdx.json"'}
    return Response(sbom.show_sbom(desk, me.person.caller, digest), media_type=sbom.MEDIA_TYPE, headers=headers)


@router.get("/inbox")
def show_inbox(desk: TheDesk, pages: ThePages, me: APerson) -> Response:
    """Show the person's newest messages."""
    rows = message.read_inbox(desk, me.person.caller, before=NEWEST, limit=PAGE_ITEMS)
    return pages.show("inbox.html", me.visit, messages=rows)


@router.post("/reviews/{digest}/declare")
def declare(desk: TheDesk, me: APerson, now: Now, digest: Digest, form: TheForm) -> Response:
    """Declare whether there is a conflict of interest."""
    said = form.untrusted("conflict")
    if said not in ("yes", "no"):
        raise Malformed("conflict-unsaid", "Say whether you have a conflict of interest: yes or no.")
    committee = form.untrusted("committee")
    conflicted, reason = said == "yes", form.untrusted("reason")
    review_acts.declare(desk, me.person.caller, digest, committee, conflicted=conflicted, reason=reason, now=now)
    return _back(digest)


@router.post("/reviews/{digest}/decide")
def decide(desk: TheDesk, me: APerson, now: Now, digest: Digest, form: TheForm) -> Response:
    """Confirm a decision once; it is to be signed next."""
    fields = {name: form.untrusted(name) for name in ("committee", "project", "decision", "rationale")}
    narrower = fields["decision"] == "narrower"
    decision = "approve" if narrower else fields["decision"]
    chosen = build(Chosen, {**fields, "decision": decision, "checklist": list(form.untrusted_all("checklist"))})
    review_acts.prepare(desk, me.person.caller, digest, chosen, now, _terms(form, narrower=narrower))
    return _back(digest)


@router.post("/reviews/{digest}/undo")
def undo(desk: TheDesk, me: APerson, now: Now, digest: Digest, form: TheForm) -> Response:
    """Forget a decision that is not signed yet."""
    review_acts.undo(desk, me.person.caller, digest, form.untrusted("statement"), now)
    return _back(digest)


@router.post("/reviews/{digest}/comment")
def comment(desk: TheDesk, me: APerson, now: Now, digest: Digest, form: TheForm) -> Response:
    """Say something, or return the version to its author."""
    committee, project, text = (form.untrusted(name) for name in ("committee", "project", "text"))
    if form.untrusted("act") == "return":
        review_acts.send_back(desk, me.person.caller, digest, committee, project, text, now)
    else:
        visibility: Literal["public", "private"] = "public" if form.untrusted("public") == "yes" else "private"
        review_acts.comment(
            desk, me.person.caller, digest, committee, project, visibility=visibility, text=text, now=now
        )  # fmt: skip
    return _back(digest)


@router.post("/reviews/{digest}/standing")
def change_standing(desk: TheDesk, pages: ThePages, me: APerson, now: Now, digest: Digest, form: TheForm) -> Response:
    """Suspend, resume or revoke: first the page that says what it does, then, confirmed there, the act."""
    act, reason = form.untrusted("act"), form.untrusted("reason")
    if act not in _STANDING:
        raise Malformed("act-unknown", "Choose whether to suspend, resume or revoke the version.")
    if form.untrusted("confirmed") == "yes":
        _STANDING[Act(act)](desk, me.person.caller, digest, reason, now)
        return _back(digest)
    seen = review.show_review(desk, me.person.caller, digest, now).review
    check_may(Act(act), seen.role, seen.state)
    reason = check_reason(Act(act), reason)
    told: dict[str, Any] = {"act": act, "consequence": CONSEQUENCES[Act(act)], "reason": reason}
    return pages.show("review_standing.html", me.visit, row=seen.algorithm, **told)


_STANDING = {
    Act.SUSPEND: review_standing.suspend,
    Act.RESUME: review_standing.resume,
    Act.REVOKE: review_standing.revoke,
}


def _terms(form: Form, *, narrower: bool) -> UntrustedTerms:
    return UntrustedTerms(
        narrower=narrower,
        nodes=form.untrusted_all("nodes"),
        datasets=form.untrusted_all("datasets"),
        purposes=form.untrusted_all("purposes"),
        runs=form.untrusted("runs"),
        rho_job=form.untrusted("rho_job"),
        rho_node=form.untrusted("rho_node"),
        until=form.untrusted("until"),
    )


def _back(digest: str) -> Response:
    return RedirectResponse(f"/reviews/{digest}", 303)


def _refusal(act: Act, as_role: Any, state: Any) -> RegistryError | None:
    try:
        check_may(act, as_role, state)
    except RegistryError as refusal:
        return refusal
    return None
