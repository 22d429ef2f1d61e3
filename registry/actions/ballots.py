"""Count the votes on algorithm versions: what the database holds, put before the rules of `registry.domain.review`.

A committee's votes are counted under the newest roster that anyone voted by; of a member's several words on one
project, the last one counts; what was revoked does not count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from protocol.documents.roster import Roster
from registry.actions import accepted
from registry.domain.review import Rule, Seat, Tally, Vote, tally, voters
from registry.domain.standing import Revocations
from registry.store import accreditation, document, review, roster, tables
from registry.store.base import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballots:
    """Everything needed to count some algorithms' votes, loaded at once."""

    approvals: Mapping[str, Sequence[tables.Approval]]
    rosters: Mapping[str, tuple[tables.Roster, Roster]]
    institutions: Mapping[str, str]
    revoked: Revocations


def load(tx: Transaction, algorithms: Iterable[tables.Algorithm]) -> Ballots:
    """Load the votes on these algorithms."""
    rows = tuple(algorithms)
    approvals = review.approvals(tx, [row.digest for row in rows])
    used = roster.several(tx, {vote.roster for votes in approvals.values() for vote in votes})
    envelopes = document.envelopes(tx, [row.digest for row in used])
    return Ballots(
        approvals=approvals,
        rosters={row.digest: (row, accepted.read(raw, Roster)) for row, raw in zip(used, envelopes, strict=True)},
        institutions=accreditation.institutions(tx, {row.author for row in rows}),
        revoked=accreditation.revocations(tx),
    )


def count(ballots: Ballots, row: tables.Algorithm) -> tuple[Tally, ...]:
    """Return one tally for each committee and project that has votes."""
    votes = [vote for vote in ballots.approvals.get(row.digest, ()) if _counts(vote, ballots.revoked)]
    used = sorted({vote.roster for vote in votes}, key=lambda digest: ballots.rosters[digest][0].version)
    newest = {ballots.rosters[digest][0].committee: digest for digest in used}
    counted = [vote for vote in votes if newest[vote.committee] == vote.roster]
    places = sorted({(vote.committee, vote.project) for vote in counted})
    return tuple(
        tally(
            committee,
            project,
            _rule(ballots, row, newest[committee]),
            _latest(vote for vote in counted if (vote.committee, vote.project) == (committee, project)),
        )
        for committee, project in places
    )


def _rule(ballots: Ballots, row: tables.Algorithm, roster_digest: str) -> Rule:
    found = ballots.rosters[roster_digest][1]
    excluded = ballots.institutions.get(row.author) if found.exclude_author_institution else None
    seats = (
        Seat(person=member.person, institution=member.institution, seats=frozenset(member.seats))
        for member in found.members
    )
    return Rule(
        voters=voters(seats, author=row.author, excluded_institution=excluded),
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
