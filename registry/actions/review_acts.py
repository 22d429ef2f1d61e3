"""What people do to a review besides signing: ask, declare, prepare and undo, comment, return.

Each act is allowed by the table of `registry.domain.review_acts` and recorded in its own transaction. Nothing here is a
decision that a node would believe: those are signed (`registry.actions.review.publish_approval`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from protocol.crypto.digest import sha256_hex
from protocol.documents.approval import Approval, Conditions
from protocol.documents.envelope import statement_bytes
from protocol.documents.fields import Items, Record, Slug, SomeSlugs, Text
from protocol.documents.strict import build
from registry.actions import ballots, course
from registry.actions.code import new_code
from registry.actions.desk import Desk
from registry.actions.review import check_seat, declared_by
from registry.actions.scope import scope_of
from registry.domain.caller import Caller, missing
from registry.domain.review import ReviewState
from registry.domain.review_acts import Act, Role, check_may, role
from registry.domain.tally import Tally
from registry.domain.terms import UntrustedTerms, check_not_wider, read_terms
from registry.errors import Conflict, Forbidden, Malformed
from registry.store import accreditation, document, review, review_words, roster, tables
from registry.store.base import Transaction
from registry.store.tables_review import Declaration, PreparedDecision, ReviewComment, ReviewCourse, ReviewRequest

Visibility = Literal["private", "public"]


class Asked(Record):
    """What an author asks for: which committees, for whom, under which conditions, and what for in plain words."""

    project: Slug
    persons: SomeSlugs
    committees: SomeSlugs
    conditions: Conditions
    purpose: Text


class Chosen(Record):
    """What a member has decided and confirmed once, before signing. Without conditions: those that were asked for."""

    committee: Slug
    project: Slug
    decision: Literal["approve", "reject"]
    conditions: Conditions | None = None
    rationale: Text
    checklist: Items[Slug] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One review, what the caller is to it, and which offices speak for its author and committees."""

    tx: Transaction
    row: tables.Algorithm
    tallies: tuple[Tally, ...]
    role: Role
    offices: frozenset[str]

    @property
    def course(self) -> ReviewCourse:
        return review.course(self.tx, self.row.digest)

    def box(self, committee: str, project: str | None, person: str) -> Tally:
        """Return a box where `person` may vote; Forbidden elsewhere."""
        for one in self.tallies:
            here = one.committee == committee and project in (None, one.project)
            if here and person in one.voted | one.waiting:
                return one
        raise Forbidden("review-role", f"{person} has no vote in {committee} here. Name your own committee.")


@contextmanager
def acting(desk: Desk, caller: Caller, algorithm: str, act: Act, now: datetime) -> Iterator[Scene]:
    """Let the caller act on a review if the table allows it; the act is recorded, and the review settled after it."""
    with desk.store.transaction() as tx:
        row = review.algorithm(tx, algorithm)
        if row is None or caller.kind not in ("person", "office"):
            raise missing("review")
        course.settle(tx, desk, algorithm, now)
        found = ballots.load(tx, desk, [row], now)
        tallies = ballots.count(found, row)
        offices = ballots.offices(found, row, tallies)
        as_role = role(caller.subject, row.author, tallies, declared_by(found, row, caller.subject), offices)
        check_may(act, as_role, ReviewState(row.state))
        yield Scene(tx=tx, row=row, tallies=tallies, role=as_role, offices=offices)
        document.record(tx, now, caller.subject, f"reviews.{act}", algorithm)
        tx.flush()
        course.settle(tx, desk, algorithm, now)


def ask(desk: Desk, caller: Caller, algorithm: str, asked: Asked, now: datetime) -> None:
    """Ask committees for their decision. What was asked for a project stays: votes are about it."""
    with acting(desk, caller, algorithm, Act.ASK, now) as scene:
        if any(
            each.project == asked.project for each in review_words.requests(scene.tx, [algorithm]).get(algorithm, ())
        ):
            raise Conflict("request-taken", f"The request for {asked.project} is here. Any change is a new version.")
        for committee in asked.committees:
            _check_committee(scene.tx, desk, committee)
        scene.tx.add(
            ReviewRequest(
                algorithm=algorithm,
                project=asked.project,
                persons=list(asked.persons),
                committees=list(asked.committees),
                conditions=asked.conditions.model_dump(mode="json"),
                scope=scope_of(asked.persons, asked.conditions),
                purpose=asked.purpose,
                at=now,
            )
        )


def declare(
    desk: Desk, caller: Caller, algorithm: str, committee: str, *, conflicted: bool, reason: str, now: datetime
) -> None:
    """Keep a member's word on a conflict of interest; one that was declared recuses for good."""
    with acting(desk, caller, algorithm, Act.DECLARE, now) as scene:
        scene.box(committee, None, caller.subject)
        row = Declaration(
            algorithm=algorithm,
            committee=committee,
            member=caller.subject,
            conflicted=conflicted,
            reason=reason,
            at=now,
        )
        review_words.declare(scene.tx, row)
        if conflicted:
            for box in scene.tallies:
                review_words.unprepare(scene.tx, algorithm, committee, box.project, caller.subject)


def prepare(
    desk: Desk, caller: Caller, algorithm: str, chosen: Chosen, now: datetime, untrusted: UntrustedTerms | None = None
) -> PreparedDecision:
    """Keep the statement that a member is to sign, under a code that fetches it; it decides nothing until signed.

    `untrusted` are the conditions of a form, for an approval; they and `chosen.conditions` are never wider than asked.
    """
    with acting(desk, caller, algorithm, Act.PREPARE, now) as scene:
        scene.box(chosen.committee, chosen.project, caller.subject)
        if chosen.decision == "reject" and not chosen.rationale.strip():
            raise Malformed("rationale-missing", "A rejection needs its reasons, for the author. Write them down.")
        payload = statement_bytes(_statement(scene, caller.subject, chosen, untrusted, now))
        digest = sha256_hex(payload)
        row = PreparedDecision(
            digest=digest,
            algorithm=algorithm,
            committee=chosen.committee,
            project=chosen.project,
            member=caller.subject,
            payload=payload,
            checklist=list(chosen.checklist),
            handover=new_code(),
            at=now,
        )
        review_words.prepare(scene.tx, row)
        return row


def undo(desk: Desk, caller: Caller, algorithm: str, digest: str, now: datetime) -> None:
    """Forget a prepared decision: possible until it is signed."""
    with acting(desk, caller, algorithm, Act.UNDO, now) as scene:
        found = review_words.prepared(scene.tx, digest)
        if found is None or (found.member, found.algorithm) != (caller.subject, algorithm):
            raise missing("decision")
        review_words.unprepare(scene.tx, algorithm, found.committee, found.project, found.member)


def comment(
    desk: Desk, caller: Caller, algorithm: str, committee: str, project: str, *, visibility: Visibility, text: str,
    now: datetime,
) -> None:  # fmt: skip
    """Say something: to one's committee, or to it and the author. The author speaks to a committee in public only.

    The same words twice in a row are a form that was sent twice, and are kept once.
    """
    with acting(desk, caller, algorithm, Act.COMMENT, now) as scene:
        if scene.role is not Role.AUTHOR:
            scene.box(committee, project, caller.subject)
        elif visibility != "public" or not any((b.committee, b.project) == (committee, project) for b in scene.tallies):
            raise Malformed("comment-place", "The author answers in public, to a committee that was asked.")
        if not _said_last(scene, caller.subject, (committee, project, visibility, text)):
            scene.tx.add(comment_of(scene, caller.subject, committee, project, visibility, text, now))


def send_back(
    desk: Desk, caller: Caller, algorithm: str, committee: str, project: str, text: str, now: datetime
) -> None:
    """Return a version to its author, with a public comment that says what is to change. It ends the turn."""
    with acting(desk, caller, algorithm, Act.RETURN, now) as scene:
        scene.box(committee, project, caller.subject)
        if not text.strip():
            raise Malformed("comment-missing", "Say what the author is to change: nobody can act on an empty return.")
        scene.tx.add(comment_of(scene, caller.subject, committee, project, "public", text, now))
        scene.course.returned = now


def _check_committee(tx: Transaction, desk: Desk, committee: str) -> None:
    if not roster.newest_of(tx, [committee]) or desk.workflow.stage(committee) is None:
        raise Malformed("committee-unknown", f"No committee {committee} is seated here. Name one that is.")


def _statement(scene: Scene, member: str, chosen: Chosen, untrusted: UntrustedTerms | None, now: datetime) -> Approval:
    requests = review_words.requests(scene.tx, [scene.row.digest]).get(scene.row.digest, ())
    asked = next((each for each in requests if each.project == chosen.project), None)
    if asked is None:
        raise missing("request")
    revoked = accreditation.revocations(scene.tx)
    seated = [d for d in roster.newest_of(scene.tx, [chosen.committee]) if d not in revoked.rosters]
    if not seated:
        raise missing("committee")
    check_seat(scene.tx, seated[-1], chosen.committee, member, now)
    conditions = _conditions(chosen, untrusted, build(Conditions, asked.conditions), now)
    fields = {
        "algorithm": scene.row.digest,
        "roster": seated[-1],
        "committee": chosen.committee,
        "member": member,
        "project": chosen.project,
        "persons": asked.persons,
        "decision": chosen.decision,
        "conditions": conditions.model_dump(mode="json"),
        "conflict_of_interest": False,
        "rationale": chosen.rationale,
        "signed_at": now,
    }
    return build(Approval, fields)


def _conditions(chosen: Chosen, untrusted: UntrustedTerms | None, asked: Conditions, now: datetime) -> Conditions:
    if chosen.decision == "reject":
        return chosen.conditions or asked
    conditions = read_terms(untrusted, asked) if untrusted else chosen.conditions or asked
    check_not_wider(conditions, asked, now)
    return conditions


def comment_of(
    scene: Scene, author: str, committee: str, project: str, visibility: str, text: str, now: datetime
) -> ReviewComment:
    """Return a comment on a scene's review."""
    return ReviewComment(
        algorithm=scene.row.digest,
        committee=committee,
        project=project,
        author=author,
        visibility=visibility,
        text=text,
        at=now,
    )


def _said_last(scene: Scene, author: str, said: tuple[str, str, str, str]) -> bool:
    mine = [each for each in review_words.comments(scene.tx, scene.row.digest) if each.author == author]
    return bool(mine) and (mine[-1].committee, mine[-1].project, mine[-1].visibility, mine[-1].text) == said
