"""Count the votes on algorithm versions: what the database holds, put before the rules of `registry.domain.tally`.

A box is one committee and one project: those that were asked for and those that somebody voted in. A committee's votes
are counted under the newest roster that anyone voted by, else under its newest; of a member's several words on one
project, the last one counts; what was revoked does not count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from protocol.documents.approval import Approval
from protocol.documents.roster import Roster
from registry.actions import accepted
from registry.actions.desk import Desk
from registry.domain.review import Facts
from registry.domain.standing import Revocations
from registry.domain.tally import Box, Rule, Seat, Tally, Vote, tally, voters
from registry.domain.workflow import Workflow
from registry.store import accreditation, document, review, review_words, roster, tables
from registry.store.base import Transaction
from registry.store.tables_review import Declaration, ReviewCourse, ReviewRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballots:
    """Everything needed to count some algorithms' votes, loaded at once."""

    approvals: Mapping[str, Sequence[tables.Approval]]
    rosters: Mapping[str, tuple[tables.Roster, Roster]]
    newest: Mapping[str, str]
    authors: Mapping[str, tables.Accreditation]
    revoked: Revocations
    requests: Mapping[str, Sequence[ReviewRequest]]
    declarations: Mapping[str, Sequence[Declaration]]
    courses: Mapping[str, ReviewCourse]
    workflow: Workflow
    now: datetime

    def votes(self, algorithm: str) -> list[tables.Approval]:
        """Return the votes that count."""
        return [vote for vote in self.approvals.get(algorithm, ()) if _counts(vote, self.revoked)]


def load(tx: Transaction, desk: Desk, algorithms: Iterable[tables.Algorithm], now: datetime) -> Ballots:
    """Load the votes on these algorithms."""
    rows = tuple(algorithms)
    digests = [row.digest for row in rows]
    approvals, requests = review.approvals(tx, digests), review_words.requests(tx, digests)
    asked = {name for found in requests.values() for each in found for name in each.committees}
    newest = roster.newest_of(tx, asked)
    used = roster.several(tx, {*newest, *(vote.roster for votes in approvals.values() for vote in votes)})
    envelopes = document.envelopes(tx, [row.digest for row in used])
    rosters = {row.digest: (row, accepted.read(raw, Roster)) for row, raw in zip(used, envelopes, strict=True)}
    return Ballots(
        approvals=approvals,
        rosters=rosters,
        newest={rosters[digest][0].committee: digest for digest in newest},
        authors=accreditation.newest(tx, {row.author for row in rows}),
        revoked=accreditation.revocations(tx),
        requests=requests,
        declarations=review_words.declarations(tx, digests),
        courses=review.courses(tx, digests),
        workflow=desk.workflow,
        now=now,
    )


def count(ballots: Ballots, row: tables.Algorithm) -> tuple[Tally, ...]:
    """Return one tally for each box."""
    votes = ballots.votes(row.digest)
    asked = {(name, each.project) for each in ballots.requests.get(row.digest, ()) for name in each.committees}
    used = sorted({vote.roster for vote in votes}, key=lambda digest: ballots.rosters[digest][0].version)
    newest = {**ballots.newest, **{ballots.rosters[digest][0].committee: digest for digest in used}}
    counted = [vote for vote in votes if newest[vote.committee] == vote.roster]
    boxes = sorted(asked | {(vote.committee, vote.project) for vote in counted})
    return tuple(
        tally(
            committee,
            project,
            _rule(ballots, row, newest[committee], project),
            _latest(vote for vote in counted if (vote.committee, vote.project) == (committee, project)),
            _box(ballots, row, committee, project),
        )
        for committee, project in boxes
        if committee in newest
    )


def facts(tx: Transaction, ballots: Ballots, row: tables.Algorithm, *, checked: bool) -> Facts:
    """Return all that decides where a version's review stands."""
    course, tallies = ballots.courses[row.digest], count(ballots, row)
    return Facts(
        tallies=tallies,
        checked=course.opened is not None or checked,
        returned=course.returned is not None,
        superseded=course.superseded_by is not None,
        suspended=course.suspended is not None,
        expired=_is_expired(tx, ballots, row, tallies),
        revoked=row.digest in ballots.revoked.algorithms,
    )


def offices(found: Ballots, row: tables.Algorithm, tallies: Iterable[Tally]) -> frozenset[str]:
    """Return the offices whose word can stop a version: that of its author, and those that seat its committees."""
    author = found.authors.get(row.author)
    committees = {one.committee for one in tallies}
    seating = {seat.office for seat, _ in found.rosters.values() if seat.committee in committees}
    return frozenset(seating | ({author.office} if author else set()))


def expiry(tx: Transaction, ballots: Ballots, row: tables.Algorithm, tally: Tally) -> datetime | None:
    """Return until when the conditions hold that a box's committee approved."""
    votes = ballots.votes(row.digest)
    place = (tally.committee, tally.project, tally.scope)
    chosen = next((vote for vote in votes if (vote.committee, vote.project, vote.scope) == place), None)
    found = document.envelopes(tx, [chosen.digest]) if chosen else ()
    return accepted.read(found[0], Approval).conditions.expires if found else None


def _is_expired(tx: Transaction, ballots: Ballots, row: tables.Algorithm, tallies: Iterable[Tally]) -> bool:
    """Say whether every project has an approval that has run out: one that still holds keeps the version approved."""
    ends: dict[str, list[datetime]] = {}
    for each in tallies:
        end = expiry(tx, ballots, row, each) if each.scope is not None else None
        if end is not None:
            ends.setdefault(each.project, []).append(end)
    return bool(ends) and all(min(found) <= ballots.now for found in ends.values())


def _box(ballots: Ballots, row: tables.Algorithm, committee: str, project: str) -> Box:
    declared = ballots.declarations.get(row.digest, ())
    opened = ballots.courses[row.digest].opened
    deadline = ballots.workflow.deadline(committee, opened) if opened else None
    asked = next((each.scope for each in ballots.requests.get(row.digest, ()) if each.project == project), None)
    return Box(
        recused=frozenset(each.member for each in declared if each.committee == committee and each.conflicted),
        late=deadline is not None and deadline <= ballots.now,
        asked=asked,
    )


def _rule(ballots: Ballots, row: tables.Algorithm, roster_digest: str, project: str) -> Rule:
    found = ballots.rosters[roster_digest][1]
    author = ballots.authors.get(row.author)
    excluded = author.institution if author and found.exclude_author_institution else None
    seats = (
        Seat(person=member.person, institution=member.institution, seats=frozenset(member.seats))
        for member in found.members
        if member.person not in ballots.revoked.persons
    )
    asked = (each.persons for each in ballots.requests.get(row.digest, ()) if each.project == project)
    persons = frozenset(person for found in asked for person in found)
    return Rule(
        voters=voters(seats, author=row.author, excluded_institution=excluded, persons=persons),
        minimum_approvals=found.minimum_approvals,
        minimum_institutions=found.minimum_institutions,
        seats=frozenset(found.seats),
    )


def _counts(vote: tables.Approval, revoked: Revocations) -> bool:
    return (
        vote.digest not in revoked.approvals
        and vote.member not in revoked.persons
        and vote.roster not in revoked.rosters
    )


def _latest(votes: Iterable[tables.Approval]) -> list[Vote]:
    return [_vote(vote) for vote in {vote.member: vote for vote in votes}.values()]


def _vote(row: tables.Approval) -> Vote:
    return Vote(member=row.member, scope=row.scope, approves=row.decision == "approve", conflicted=row.conflicted)
