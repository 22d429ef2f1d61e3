"""Count one committee's votes on one algorithm version for one project.

1. Who may vote: the members of a roster, without the author, without the persons who are to order, and without the
   author's institution where the roster says so.
2. A committee has approved when one group of approvals that agree on everything they bind (persons, conditions) has
   enough distinct persons, enough distinct institutions and every required seat. Conditions never add up across groups,
   and keys are never counted.
3. A member who declares a conflict of interest is recused: counted neither for nor against, and no longer waited for.
4. A committee has rejected when too few members are left who could still approve.
5. Its votes are blind (`independent`) until it has decided, everybody who may vote has, or its time is over. Then,
   while undecided, it is `consolidating`.
6. `possible` says whether enough members are left at all; where not, the office must seat others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CHAIR: Final = "chair"


class Outcome(StrEnum):
    """How far one committee is for one project."""

    INDEPENDENT = "in_review"
    CONSOLIDATING = "consolidating"
    APPROVED = "approved"
    APPROVED_WITH_CONDITIONS = "approved_with_conditions"
    REJECTED = "rejected"


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
class Box:
    """What is known besides the votes: declared conflicts, whether the time is over, the scope that was asked for."""

    recused: frozenset[str] = frozenset()
    late: bool = False
    asked: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How far one committee has come with one algorithm for one project.

    voted, waiting, recused: everybody who may vote, each once. chairs: who of them leads. scope: what was approved.
    """

    committee: str
    project: str
    outcome: Outcome
    approvals: int
    rejections: int
    required: int
    voted: frozenset[str]
    waiting: frozenset[str]
    recused: frozenset[str]
    chairs: frozenset[str]
    possible: bool
    scope: str | None

    @property
    def is_blind(self) -> bool:
        """Whether votes are still independent (rule 5)."""
        return self.outcome is Outcome.INDEPENDENT


def voters(
    seats: Iterable[Seat], *, author: str, excluded_institution: str | None, persons: frozenset[str] = frozenset()
) -> Mapping[str, Seat]:
    """Return who may vote, after rule 1."""
    barred = {author} | persons
    return {s.person: s for s in seats if s.person not in barred and s.institution != excluded_institution}


def tally(committee: str, project: str, rule: Rule, votes: Iterable[Vote], box: Box = Box()) -> Tally:
    """Count one committee's votes after rules 2 to 6."""
    heard = [vote for vote in votes if vote.member in rule.voters]
    recused = {vote.member for vote in heard if vote.conflicted} | (box.recused & rule.voters.keys())
    rejecting = {vote.member for vote in heard if not vote.approves} - recused
    groups: dict[str, set[str]] = {}
    for vote in heard:
        if vote.approves and vote.member not in recused:
            groups.setdefault(vote.scope, set()).add(vote.member)
    waiting = rule.voters.keys() - recused - {vote.member for vote in heard}
    scope = next((scope for scope, group in sorted(groups.items()) if _is_quorum(rule, group)), None)
    outcome = Outcome.CONSOLIDATING if box.late or not waiting else Outcome.INDEPENDENT
    if scope is not None:
        outcome = Outcome.APPROVED if box.asked in (None, scope) else Outcome.APPROVED_WITH_CONDITIONS
    elif rejecting and len(rule.voters.keys() - rejecting - recused) < rule.minimum_approvals:
        outcome = Outcome.REJECTED
    return Tally(
        committee=committee,
        project=project,
        outcome=outcome,
        approvals=max((len(group) for group in groups.values()), default=0),
        rejections=len(rejecting),
        required=rule.minimum_approvals,
        voted=frozenset(vote.member for vote in heard) - recused,
        waiting=frozenset(waiting),
        recused=frozenset(recused),
        chairs=_chairs(rule),
        possible=_is_quorum(rule, rule.voters.keys() - recused),
        scope=scope,
    )


def _chairs(rule: Rule) -> frozenset[str]:
    """Return who leads: those on the seat `chair`; a committee without one leads itself together."""
    seated = frozenset(person for person, seat in rule.voters.items() if CHAIR in seat.seats)
    return seated or frozenset(rule.voters)


def _is_quorum(rule: Rule, persons: Iterable[str]) -> bool:
    seats = [rule.voters[person] for person in persons]
    return (
        len(seats) >= max(1, rule.minimum_approvals)
        and len({seat.institution for seat in seats}) >= rule.minimum_institutions
        and frozenset[str]().union(*(seat.seats for seat in seats)) >= rule.seats
    )
