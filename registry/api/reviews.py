"""Reviews between a signed algorithm and its signed votes. Every call but one needs the token of a person.

GET    /reviews/{algorithm}                       one review, as the caller may see it; the look is recorded
POST   /reviews/{algorithm}/requests              the author asks committees (201)
POST   /reviews/{algorithm}/declarations          a member declares whether there is a conflict of interest (201)
POST   /reviews/{algorithm}/decisions             a member confirms a decision once: {"digest"} of what is to be signed
                                                  and {"handover"}, the code that fetches it
GET    /decisions/{code}                          the statement and what it rests on; the code is all it takes
DELETE /reviews/{algorithm}/decisions/{digest}    undo it (204), until it is signed
POST   /reviews/{algorithm}/comments /returns     say something; return the version to its author (201)
PUT    /reviews/{algorithm}/suspension            {"suspended": …, "reason": …}, by a committee's chair (204)
POST   /reviews/{algorithm}/revocations           an office prepares the status that revokes it: as for a decision (201)
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict

from protocol.crypto.encoding import encode_base64
from protocol.documents.fields import Slug, Text
from protocol.documents.strict import build, parse_object
from registry.actions import handover, review, review_acts, review_standing
from registry.actions.review_acts import Asked, Chosen, Visibility
from registry.api.doors import Body, Digest, KnownCaller, raw_body, settled
from registry.api.lists import review_of, written
from registry.domain.limits import DOCUMENT_BYTES
from registry.request import Now, TheDesk
from registry.store.tables_review import ReviewComment, ReviewRequest

router = APIRouter(tags=["reviews"])

_JSON: Final = raw_body("application/json", "A JSON object, read as strictly as a document.")


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class DeclarationForm(_Form):
    """Whether a member has a conflict of interest, and which."""

    committee: Slug
    conflict: bool
    reason: Text = ""


class CommentForm(_Form):
    """A comment to one committee about one project."""

    committee: Slug
    project: Slug
    visibility: Visibility
    text: Text


class ReturnForm(_Form):
    """What the author is to change."""

    committee: Slug
    project: Slug
    text: Text


class SuspensionForm(_Form):
    """Whether the version is to be suspended, and why."""

    suspended: bool
    reason: Text


class RevocationForm(_Form):
    """Why the version is to be revoked."""

    reason: Text


@router.get("/reviews/{algorithm}")
def get_review(desk: TheDesk, caller: KnownCaller, now: Now, algorithm: Digest) -> dict[str, Any]:
    """Return one review as the caller may see it."""
    whole = settled(lambda: review.show_review(desk, caller, algorithm, now))
    return {
        **review_of(whole.review, named=True),
        "role": whole.review.role.value,
        "to_vote": [{"committee": committee, "project": project} for committee, project in whole.review.mine],
        "requests": [_request(each) for each in whole.requests],
        "prepared": [
            {
                "digest": each.digest,
                "committee": each.committee,
                "project": each.project,
                "handover": each.handover,
            }
            for each in whole.prepared
        ],
        "comments": [_comment(each) for each in whole.comments],
        "timeline": [{"at": written(each.at), "verb": each.verb} for each in whole.timeline],
    }


@router.post("/reviews/{algorithm}/requests", status_code=201, openapi_extra=_JSON)
def post_request(desk: TheDesk, caller: KnownCaller, now: Now, algorithm: Digest, body: Body) -> dict[str, str]:
    """Ask committees for their decision."""
    asked = build(Asked, parse_object(body, DOCUMENT_BYTES))
    review_acts.ask(desk, caller, algorithm, asked, now)
    return {"project": asked.project}


@router.post("/reviews/{algorithm}/declarations", status_code=201)
def post_declaration(
    desk: TheDesk, caller: KnownCaller, now: Now, algorithm: Digest, form: DeclarationForm
) -> dict[str, bool]:
    """Declare whether there is a conflict of interest; one that is declared recuses."""
    review_acts.declare(desk, caller, algorithm, form.committee, conflicted=form.conflict, reason=form.reason, now=now)
    return {"conflict": form.conflict}


@router.post("/reviews/{algorithm}/decisions", status_code=201, openapi_extra=_JSON)
def post_decision(desk: TheDesk, caller: KnownCaller, now: Now, algorithm: Digest, body: Body) -> dict[str, str]:
    """Confirm a decision once; it decides nothing until its statement is signed."""
    chosen = build(Chosen, parse_object(body, DOCUMENT_BYTES))
    row = review_acts.prepare(desk, caller, algorithm, chosen, now)
    return {"digest": row.digest, "handover": row.handover}


@router.get("/decisions/{code}")
def get_handover(desk: TheDesk, code: Annotated[str, Path(pattern="^[A-Za-z0-9_-]{43}$")]) -> dict[str, Any]:
    """Return the statement that a code fetches, in base64, and the envelopes that it rests on."""
    found = handover.hand_over(desk, code)
    return {
        "statement": encode_base64(found.statement),
        "algorithm": found.algorithm.decode(),
        "roster": found.roster.decode() if found.roster else None,
        "accreditations": [envelope.decode() for envelope in found.accreditations],
        "statuses": [envelope.decode() for envelope in found.statuses],
    }


@router.delete("/reviews/{algorithm}/decisions/{digest}", status_code=204)
def delete_decision(desk: TheDesk, caller: KnownCaller, now: Now, algorithm: Digest, digest: Digest) -> None:
    """Undo a decision that is not signed yet."""
    review_acts.undo(desk, caller, algorithm, digest, now)


@router.post("/reviews/{algorithm}/comments", status_code=201)
def post_comment(desk: TheDesk, caller: KnownCaller, now: Now, algorithm: Digest, form: CommentForm) -> dict[str, str]:
    """Say something to a committee, or to it and the author."""
    review_acts.comment(
        desk, caller, algorithm, form.committee, form.project, visibility=form.visibility, text=form.text, now=now
    )
    return {"visibility": form.visibility}


@router.post("/reviews/{algorithm}/returns", status_code=201)
def post_return(desk: TheDesk, caller: KnownCaller, now: Now, algorithm: Digest, form: ReturnForm) -> dict[str, str]:
    """Return the version to its author."""
    review_acts.send_back(desk, caller, algorithm, form.committee, form.project, form.text, now)
    return {"state": "returned"}


@router.put("/reviews/{algorithm}/suspension", status_code=204)
def put_suspension(desk: TheDesk, caller: KnownCaller, now: Now, algorithm: Digest, form: SuspensionForm) -> None:
    """Suspend an approved version, or lift its suspension."""
    (review_standing.suspend if form.suspended else review_standing.resume)(desk, caller, algorithm, form.reason, now)


@router.post("/reviews/{algorithm}/revocations", status_code=201)
def post_revocation(
    desk: TheDesk, caller: KnownCaller, now: Now, algorithm: Digest, form: RevocationForm
) -> dict[str, str]:
    """Prepare a revocation; it revokes nothing until its statement is signed."""
    row = review_standing.revoke(desk, caller, algorithm, form.reason, now)
    return {"digest": row.digest, "handover": row.handover}


def _request(row: ReviewRequest) -> dict[str, Any]:
    return {
        "project": row.project,
        "persons": row.persons,
        "committees": row.committees,
        "conditions": row.conditions,
        "purpose": row.purpose,
        "at": written(row.at),
    }


def _comment(row: ReviewComment) -> dict[str, Any]:
    return {
        "committee": row.committee,
        "project": row.project,
        "author": row.author,
        "visibility": row.visibility,
        "text": row.text,
        "at": written(row.at),
    }
