"""Where the review of one algorithm version stands: a table of states, and the rules that lead through it.

1. A version comes signed, is checked without people (`checking`), and then opens to its committees (`in_review`). First
   votes are independent: see `registry.domain.blind`.
2. For one project, one committee's rejection rejects (a veto is a committee of its own); it is approved when every
   committee that was asked or that voted has approved. The version is approved when one project is, and rejected when
   every project is. It is `consolidating` when no committee still votes blindly and not all have decided.
3. `approved_with_conditions` says that what the committees signed differs from what was asked.
4. A committee's return ends the turn: only a new version leads on. A new version supersedes whatever is still open, and
   the approval of a new version supersedes the approved ones before it. Votes never carry over.
5. An approval that was suspended, or whose conditions have expired, says so. A revocation is the end.

This is the registry's courtesy to its readers. What a node requires stands in the node's own trust root.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registry.domain.tally import Outcome, Tally
from registry.errors import WrongState


class ReviewState(StrEnum):
    """The states of a review."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    CHECKING = "checking"
    IN_REVIEW = "in_review"
    CONSOLIDATING = "consolidating"
    APPROVED = "approved"
    APPROVED_WITH_CONDITIONS = "approved_with_conditions"
    RETURNED = "returned"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Owner(StrEnum):
    """Whose turn it is."""

    AUTHOR = "author"
    COMMITTEE = "committee"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What people are told of a state: whose turn it is, its name, and what happens next."""

    owner: Owner
    words: str
    next: str


_S = ReviewState
_LATER: Final = frozenset({_S.SUPERSEDED, _S.REVOKED})

TRANSITIONS: Final[Mapping[ReviewState, frozenset[ReviewState]]] = {
    _S.DRAFT: frozenset({_S.SUBMITTED}),
    _S.SUBMITTED: frozenset({_S.CHECKING}) | _LATER,
    _S.CHECKING: frozenset({_S.IN_REVIEW}) | _LATER,
    _S.IN_REVIEW: frozenset({_S.CONSOLIDATING, _S.RETURNED}) | _LATER,
    _S.CONSOLIDATING: frozenset(
        {_S.IN_REVIEW, _S.APPROVED, _S.APPROVED_WITH_CONDITIONS, _S.RETURNED, _S.REJECTED}
    ) | _LATER,
    _S.APPROVED: frozenset({_S.CONSOLIDATING, _S.SUSPENDED, _S.EXPIRED}) | _LATER,
    _S.APPROVED_WITH_CONDITIONS: frozenset({_S.CONSOLIDATING, _S.SUSPENDED, _S.EXPIRED}) | _LATER,
    _S.RETURNED: _LATER,
    _S.REJECTED: frozenset({_S.CONSOLIDATING}) | _LATER,
    _S.SUPERSEDED: frozenset({_S.REVOKED}),
    _S.SUSPENDED: frozenset({_S.CONSOLIDATING, _S.APPROVED, _S.APPROVED_WITH_CONDITIONS, _S.EXPIRED}) | _LATER,
    _S.REVOKED: frozenset(),
    _S.EXPIRED: frozenset({_S.CONSOLIDATING}) | _LATER,
}  # fmt: skip

ABOUT: Final[Mapping[ReviewState, About]] = {
    _S.DRAFT: About(owner=Owner.AUTHOR, words="draft", next="The author signs and submits it."),
    _S.SUBMITTED: About(owner=Owner.SYSTEM, words="submitted", next="The automatic checks begin at once."),
    _S.CHECKING: About(
        owner=Owner.SYSTEM, words="being checked", next="It opens to its committees when the checks are complete."
    ),
    _S.IN_REVIEW: About(
        owner=Owner.COMMITTEE, words="in review", next="Each member votes without seeing the votes of others."
    ),
    _S.CONSOLIDATING: About(
        owner=Owner.COMMITTEE, words="consolidating", next="The votes are open: members talk, and may vote anew."
    ),
    _S.APPROVED: About(owner=Owner.AUTHOR, words="approved", next="The persons named may order it as it was asked."),
    _S.APPROVED_WITH_CONDITIONS: About(
        owner=Owner.AUTHOR,
        words="approved with conditions",
        next="The persons named may order it under the conditions that were signed, which differ from what was asked.",
    ),
    _S.RETURNED: About(
        owner=Owner.AUTHOR, words="returned", next="The author reads the comments and submits a new version."
    ),
    _S.REJECTED: About(
        owner=Owner.AUTHOR, words="rejected", next="The reasons are with the votes; a new version may be submitted."
    ),
    _S.SUPERSEDED: About(
        owner=Owner.SYSTEM, words="superseded", next="A newer version took its place; its votes do not carry over."
    ),
    _S.SUSPENDED: About(
        owner=Owner.COMMITTEE, words="suspended", next="A committee's chair lifts the suspension, or it is revoked."
    ),
    _S.REVOKED: About(owner=Owner.SYSTEM, words="revoked", next="Nodes refuse it. Nothing leads out of this state."),
    _S.EXPIRED: About(
        owner=Owner.AUTHOR, words="expired", next="What was signed has run out; the committees may sign anew."
    ),
}

OPEN: Final = frozenset({_S.SUBMITTED, _S.CHECKING, _S.IN_REVIEW, _S.CONSOLIDATING, _S.RETURNED})
"""What a new version supersedes as soon as it is submitted."""

STANDING: Final = frozenset({_S.APPROVED, _S.APPROVED_WITH_CONDITIONS, _S.SUSPENDED, _S.EXPIRED})
"""What a new version supersedes once it is approved."""

ENDED: Final = frozenset({_S.RETURNED, _S.SUPERSEDED, _S.REVOKED})
"""Where no further decision is taken, and votes are blind no more. Elsewhere a vote may also take one back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that decides where a review stands. `checked`: the automatic evidence is complete."""

    tallies: tuple[Tally, ...]
    checked: bool = True
    returned: bool = False
    superseded: bool = False
    suspended: bool = False
    expired: bool = False
    revoked: bool = False


def derive(facts: Facts) -> ReviewState:
    """Say where the review stands after the rules above."""
    ends = ((facts.revoked, _S.REVOKED), (facts.superseded, _S.SUPERSEDED), (facts.returned, _S.RETURNED))
    ended = next((state for holds, state in ends if holds), None)
    if ended is not None:
        return ended
    if not facts.checked:
        return _S.CHECKING
    decided = _decided(facts.tallies)
    if decided in (_S.APPROVED, _S.APPROVED_WITH_CONDITIONS):
        return _S.EXPIRED if facts.expired else _S.SUSPENDED if facts.suspended else decided
    return decided


def _decided(tallies: Iterable[Tally]) -> ReviewState:
    outcomes: dict[str, set[Outcome]] = {}
    for each in tallies:
        outcomes.setdefault(each.project, set()).add(each.outcome)
    projects = {_of_project(found) for found in outcomes.values()}
    if not projects:
        return _S.IN_REVIEW
    order = (_S.APPROVED, _S.APPROVED_WITH_CONDITIONS, _S.IN_REVIEW, _S.CONSOLIDATING)
    return next((state for state in order if state in projects), _S.REJECTED)


def _of_project(outcomes: set[Outcome]) -> ReviewState:
    if Outcome.REJECTED in outcomes:
        return _S.REJECTED
    if Outcome.INDEPENDENT in outcomes:
        return _S.IN_REVIEW
    if Outcome.CONSOLIDATING in outcomes:
        return _S.CONSOLIDATING
    return _S.APPROVED_WITH_CONDITIONS if Outcome.APPROVED_WITH_CONDITIONS in outcomes else _S.APPROVED


def steps(old: ReviewState, derived: ReviewState) -> tuple[ReviewState, ...]:
    """Return the states entered on the shortest way from `old` to what the facts say now, each allowed by the table.

    One vote may both end the blind phase and decide; then the way leads through `consolidating`. A revoked review stays
    so. Raises WrongState where the table knows no way.
    """
    if old in (derived, _S.REVOKED):
        return ()
    ways: deque[tuple[ReviewState, ...]] = deque([(old,)])
    seen: set[ReviewState] = {old}
    while ways:
        way = ways.popleft()
        for state in sorted(TRANSITIONS[way[-1]] - seen):
            if state is derived:
                return (*way[1:], state)
            seen.add(state)
            ways.append((*way, state))
    raise WrongState("review-state", f"A review that is {old} cannot become {derived}. Submit a new version.")


def draw_diagram() -> str:
    """Return the table as a Mermaid diagram, for `docs/reference/review-states.md`."""
    arrows = [f"    {a} --> {b}" for a in ReviewState for b in ReviewState if b in TRANSITIONS[a]]
    ends = [f"    {a} --> [*]" for a in ReviewState if not TRANSITIONS[a]]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {_S.DRAFT}", *arrows, *ends, ""])


def draw_table() -> str:
    """Return what people are told of each state as a Markdown table, for the same page."""
    lines = [f"| `{state}` | {ABOUT[state].owner} | {ABOUT[state].next} |" for state in ReviewState]
    return "\n".join(["| state | whose turn | what happens next |", "|---|---|---|", *lines, ""])
