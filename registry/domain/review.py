"""Where the review of one algorithm version stands, from the votes alone.

1. Who may vote: the members of a roster, without the author, and without the author's institution where the roster
   says so.
2. A roster has approved for a project when one group of approvals that agree on everything they bind (persons,
   conditions) has enough distinct persons, enough distinct institutions and every required seat. Conditions never
   add up across groups, and keys are never counted.
3. A member who declares a conflict of interest is recused.
4. A roster has rejected when too few members are left who could still approve.
5. For one project, one roster's rejection rejects (a veto is a roster of its own); it is approved when every roster
   that voted has approved. The algorithm is approved when one project is, and rejected when every project is.
6. A revocation is the end: nothing leads out of it.

This is the registry's courtesy to its readers. What a node requires stands in the node's own trust root.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registry.errors import WrongState


class ReviewState(StrEnum):
    """The states of a review; the words are shown to people as they are."""

    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    REVOKED = "revoked"


TRANSITIONS: Final[Mapping[ReviewState, frozenset[ReviewState]]] = {
    ReviewState.SUBMITTED: frozenset({ReviewState.IN_REVIEW, ReviewState.REVOKED}),
    ReviewState.IN_REVIEW: frozenset({ReviewState.APPROVED, ReviewState.REJECTED, ReviewState.REVOKED}),
    ReviewState.APPROVED: frozenset({ReviewState.IN_REVIEW, ReviewState.REVOKED}),
    ReviewState.REJECTED: frozenset({ReviewState.IN_REVIEW, ReviewState.REVOKED}),
    ReviewState.REVOKED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One member of one roster."""

    person: str
    institution: str
    seats: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one roster asks of a quorum, and who may vote on this algorithm."""

    voters: Mapping[str, Seat]
    minimum_approvals: int
    minimum_institutions: int
    seats: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One member's latest word for one project; `scope` stands for everything else that the approval binds."""

    member: str
    scope: str
    approves: bool
    conflicted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How far one roster has come with one algorithm for one project."""

    committee: str
    project: str
    outcome: ReviewState
    approvals: int
    rejections: int
    recused: int
    required: int


def voters(seats: Iterable[Seat], *, author: str, excluded_institution: str | None) -> Mapping[str, Seat]:
    """Return who may vote, after rule 1."""
    return {seat.person: seat for seat in seats if seat.person != author and seat.institution != excluded_institution}


def tally(committee: str, project: str, rule: Rule, votes: Iterable[Vote]) -> Tally:
    """Count one roster's votes after rules 2 to 4."""
    heard = [vote for vote in votes if vote.member in rule.voters]
    recused = {vote.member for vote in heard if vote.conflicted}
    rejecting = {vote.member for vote in heard if not vote.approves} - recused
    groups: dict[str, set[str]] = {}
    for vote in heard:
        if vote.approves and not vote.conflicted:
            groups.setdefault(vote.scope, set()).add(vote.member)
    outcome = ReviewState.IN_REVIEW
    if any(_is_quorum(rule, group) for group in groups.values()):
        outcome = ReviewState.APPROVED
    elif rejecting and len(rule.voters.keys() - rejecting - recused) < rule.minimum_approvals:
        outcome = ReviewState.REJECTED
    return Tally(
        committee=committee,
        project=project,
        outcome=outcome,
        approvals=max((len(group) for group in groups.values()), default=0),
        rejections=len(rejecting),
        recused=len(recused),
        required=rule.minimum_approvals,
    )


def _is_quorum(rule: Rule, persons: set[str]) -> bool:
    seats = [rule.voters[person] for person in persons]
    return (
        len(persons) >= max(1, rule.minimum_approvals)
        and len({seat.institution for seat in seats}) >= rule.minimum_institutions
        and frozenset[str]().union(*(seat.seats for seat in seats)) >= rule.seats
    )


def derive(tallies: Iterable[Tally], *, revoked: bool) -> ReviewState:
    """Say where the review stands after rules 5 and 6."""
    if revoked:
        return ReviewState.REVOKED
    outcomes: dict[str, set[ReviewState]] = {}
    for each in tallies:
        outcomes.setdefault(each.project, set()).add(each.outcome)
    projects = {_of_project(found) for found in outcomes.values()}
    if not projects:
        return ReviewState.SUBMITTED
    for state in (ReviewState.APPROVED, ReviewState.IN_REVIEW):
        if state in projects:
            return state
    return ReviewState.REJECTED


def _of_project(outcomes: set[ReviewState]) -> ReviewState:
    if ReviewState.REJECTED in outcomes:
        return ReviewState.REJECTED
    return ReviewState.APPROVED if outcomes == {ReviewState.APPROVED} else ReviewState.IN_REVIEW


def steps(old: ReviewState, derived: ReviewState) -> tuple[ReviewState, ...]:
    """Return the states entered on the way from `old` to what the votes say now, each step allowed by the table.

    One vote may both open a review and decide it; then the way leads through `in_review`. A review that had votes
    never becomes `submitted` again, and a revoked one stays so. Raises WrongState where the table knows no way.
    """
    new = ReviewState.IN_REVIEW if derived is ReviewState.SUBMITTED and old is not derived else derived
    if old in (new, ReviewState.REVOKED):
        return ()
    if new in TRANSITIONS[old]:
        return (new,)
    if ReviewState.IN_REVIEW in TRANSITIONS[old] and new in TRANSITIONS[ReviewState.IN_REVIEW]:
        return (ReviewState.IN_REVIEW, new)
    raise WrongState("review-state", f"A review that is {old} cannot become {new}. Submit a new version.")
