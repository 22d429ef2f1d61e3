"""Collect approvals, and tell each reader of a review what they may see of it.

While a committee's votes are blind, its tally, votes and comments exist for nobody but its members who have voted; see
`registry.domain.review_acts`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from protocol.documents.approval import Approval
from protocol.documents.envelope import Envelope, read_envelope
from protocol.documents.roster import Member, Roster
from registry.actions import accepted, ballots, course, publish
from registry.actions.desk import Desk
from registry.actions.scope import scope_of
from registry.domain.caller import Caller, missing
from registry.domain.review import ENDED, ReviewState
from registry.domain.review_acts import NOTICES, Role, is_open_to, role
from registry.domain.tally import Outcome, Tally
from registry.errors import Conflict, Unbelievable, WrongState
from registry.store import accreditation, document, review, review_words, roster, tables
from registry.store.base import Transaction
from registry.store.tables_review import Declaration, PreparedDecision, ReviewComment, ReviewRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One algorithm version as one reader may see it: boxes whose votes are blind to the reader are counted nowhere.

    tallies: the open ones. blind: the places whose votes are closed to this reader.
    """

    algorithm: tables.Algorithm
    state: ReviewState
    tallies: tuple[Tally, ...]
    blind: tuple[tuple[str, str], ...]
    approvals: tuple[tables.Approval, ...]
    image_here: bool
    role: Role
    deadlines: Mapping[str, datetime]
    mine: tuple[tuple[str, str], ...]
    """The places where the reader may still vote for the first time."""
    anew: tuple[tuple[str, str], ...]
    """The places where the reader has voted and, while all consolidate, may vote anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """One review with all that belongs to it, as one reader may see it."""

    review: Review
    requests: tuple[ReviewRequest, ...]
    declarations: tuple[Declaration, ...]
    prepared: tuple[PreparedDecision, ...]
    comments: tuple[ReviewComment, ...]
    timeline: tuple[tables.Event, ...]
    seen_before: str | None
    earlier: tuple[tables.Algorithm, ...]
    """The versions of the same name before this one."""


def publish_approval(desk: Desk, untrusted: bytes, now: datetime) -> publish.Published:
    """Accept one committee member's decision, signed with the key that the current roster gives that member."""
    envelope = read_envelope(untrusted)
    claimed = envelope.untrusted(Approval)
    with desk.store.transaction() as tx:
        if done := publish.known(tx, envelope):
            return done
        member = check_seat(tx, claimed.roster, claimed.committee, claimed.member, now)
        page = envelope.check_signed_by(member.key.to_public(), desk.passkey_pages)
        _check_algorithm(tx, desk, claimed)
        _check_conflict(tx, claimed, now)
        published = publish.keep(tx, envelope, claimed.KIND, claimed.member, now, later=True)
        tx.add(_row(claimed, envelope, on_registry_page=page is not None and page.registry_page))
        review_words.unprepare(tx, claimed.algorithm, claimed.committee, claimed.project, claimed.member)
        tx.flush()
        course.settle(tx, desk, claimed.algorithm, now)
        return published


def list_reviews(desk: Desk, caller: Caller | None, now: datetime, *, after: int, limit: int) -> tuple[Review, ...]:
    """Return one page of algorithm versions, as the caller may see their reviews."""
    with desk.store.reading() as tx:
        rows = review.page(tx, after=after, limit=limit)
        found = ballots.load(tx, desk, rows, now)
        return tuple(seen_by(desk, caller.subject if caller else None, row, found) for row in rows)


def show_review(desk: Desk, caller: Caller, algorithm: str, now: datetime) -> Whole:
    """Return one review as the caller may see it; the look is recorded in the audit."""
    with desk.store.transaction() as tx:
        row = _of(tx, algorithm)
        found = ballots.load(tx, desk, [row], now)
        whole = _whole(tx, desk, caller.subject, row, found)
        review_words.viewed(tx, algorithm, caller.subject, now)
        document.record(tx, now, caller.subject, "reviews.viewed", algorithm)
        return whole


def seen_by(desk: Desk, person: str | None, row: tables.Algorithm, found: ballots.Ballots) -> Review:
    """Return a review as `person` may see it."""
    tallies, state = ballots.count(found, row), ReviewState(row.state)
    visible = tuple(one for one in tallies if is_open_to(person, one, state))
    places = {(one.committee, one.project) for one in visible}
    votes = found.approvals.get(row.digest, ())
    opened = found.courses[row.digest].opened
    deadlines = {one.committee: found.workflow.deadline(one.committee, opened) for one in tallies if opened}
    return Review(
        algorithm=row,
        state=state,
        tallies=visible,
        blind=tuple((one.committee, one.project) for one in tallies if one not in visible),
        approvals=tuple(v for v in votes if (v.committee, v.project) in places or v.member == person),
        image_here=row.archive_digest == tables.NO_IMAGE or desk.blobs.has(row.archive_digest),
        role=role(
            person or "",
            row.author,
            tallies,
            declared_by(found, row, person or ""),
            ballots.offices(found, row, tallies),
        ),
        deadlines={name: moment for name, moment in deadlines.items() if moment is not None},
        mine=tuple((one.committee, one.project) for one in tallies if person in one.waiting),
        anew=tuple(
            (one.committee, one.project)
            for one in tallies
            if person in one.voted and one.outcome is Outcome.CONSOLIDATING
        ),
    )


def declared_by(found: ballots.Ballots, row: tables.Algorithm, person: str) -> dict[str, bool]:
    """Return a member's declarations on a version by committee; true stands for a conflict."""
    mine = (each for each in found.declarations.get(row.digest, ()) if each.member == person)
    return {each.committee: each.conflicted for each in mine}


def _whole(tx: Transaction, desk: Desk, person: str, row: tables.Algorithm, found: ballots.Ballots) -> Whole:
    seen = seen_by(desk, person, row, found)
    earlier = tuple(other for other in review.versions(tx, row.name) if other.sequence < row.sequence)
    seated = seen.role in (Role.CHAIR, Role.MEMBER, Role.RECUSED, Role.UNDECLARED)
    declared = found.declarations.get(row.digest, ()) if seated else ()
    return Whole(
        review=seen,
        requests=tuple(found.requests.get(row.digest, ())),
        declarations=tuple(each for each in declared if each.member == person or each.conflicted),
        prepared=tuple(review_words.prepared_by(tx, row.digest, person)),
        comments=_comments(person, seen, review_words.comments(tx, row.digest)),
        timeline=tuple(review_words.timeline(tx, row.digest)),
        seen_before=review_words.last_seen(tx, [other.digest for other in earlier], person),
        earlier=earlier,
    )


def _comments(person: str, seen: Review, rows: Iterable[ReviewComment]) -> tuple[ReviewComment, ...]:
    """Return what the reader may see: notices, own words, the author's, those of open boxes; private ones if seated."""
    places = {(one.committee, one.project) for one in seen.tallies}
    mine = {
        (one.committee, one.project)
        for one in seen.tallies
        if person in one.voted | one.waiting and seen.role in _SEATED
    }
    author = seen.algorithm.author
    return tuple(
        row
        for row in rows
        if person == row.author
        or row.visibility in NOTICES
        or (row.committee, row.project) in mine
        or (row.visibility == "public" and seen.role is not Role.OUTSIDER and _is_open(row, places, author))
    )


_SEATED = frozenset({Role.CHAIR, Role.MEMBER})


def _is_open(row: ReviewComment, places: set[tuple[str, str]], author: str) -> bool:
    return row.author == author or (row.committee, row.project) in places


def _of(tx: Transaction, algorithm: str) -> tables.Algorithm:
    row = review.algorithm(tx, algorithm)
    if row is None:
        raise missing("review")
    return row


def check_seat(tx: Transaction, roster_digest: str, committee: str, person: str, now: datetime) -> Member:
    """Return a member's entry on the roster in force; raises Unbelievable for another roster, or another person."""
    row = roster.get(tx, roster_digest)
    revoked = accreditation.revocations(tx)
    if row is None or row.committee != committee:
        raise Unbelievable("roster-unknown", "The approval names a roster that is not here. Ask the office for it.")
    newest = roster.newest(tx, row.office, row.committee)
    if row.expires <= now or row.digest in revoked.rosters or newest is None or newest.digest != row.digest:
        raise Unbelievable("roster-superseded", "The approval's roster is not in force any more. Use the current one.")
    (sitting,) = document.envelopes(tx, [row.digest])
    member = accepted.read(sitting, Roster).member(person)
    if member is None or member.key.keyid in revoked.keys or member.person in revoked.persons:
        raise Unbelievable("member-unknown", f"{person} does not sit on the committee {committee}.")
    return member


def _check_algorithm(tx: Transaction, desk: Desk, claimed: Approval) -> None:
    row = review.algorithm(tx, claimed.algorithm)
    if row is None:
        raise Unbelievable("algorithm-unknown", "The approval is for an algorithm that is not here.")
    if row.author == claimed.member:
        raise Unbelievable("approval-by-author", "Nobody decides on an algorithm of their own.")
    if row.state in ENDED:
        raise WrongState("review-ended", f"This version is {row.state}; decide on the newest one.")
    stage = desk.workflow.stage(claimed.committee)
    if claimed.decision == "reject" and stage and stage.veto_needs_reason and not claimed.rationale.strip():
        raise Unbelievable("veto-unjustified", f"A rejection in the {stage.name} needs its reasons. Write them down.")


def _check_conflict(tx: Transaction, claimed: Approval, now: datetime) -> None:
    """Keep the declaration that every vote carries; a conflict that was declared once is not taken back by voting."""
    earlier = [
        each.conflicted
        for each in review_words.declarations(tx, [claimed.algorithm]).get(claimed.algorithm, ())
        if (each.committee, each.member) == (claimed.committee, claimed.member)
    ]
    if any(earlier) and not claimed.conflict_of_interest:
        raise Conflict("conflict-recused", "You declared a conflict of interest here and take no further part.")
    if not earlier or claimed.conflict_of_interest:
        row = Declaration(
            algorithm=claimed.algorithm,
            committee=claimed.committee,
            member=claimed.member,
            conflicted=claimed.conflict_of_interest,
            reason="",
            at=now,
        )
        review_words.declare(tx, row)


def _row(claimed: Approval, envelope: Envelope, *, on_registry_page: bool) -> tables.Approval:
    return tables.Approval(
        digest=envelope.digest,
        algorithm=claimed.algorithm,
        roster=claimed.roster,
        committee=claimed.committee,
        member=claimed.member,
        project=claimed.project,
        decision=claimed.decision,
        conflicted=claimed.conflict_of_interest,
        scope=scope_of(claimed.persons, claimed.conditions),
        on_registry_page=on_registry_page,
        signed_at=claimed.signed_at,
    )
