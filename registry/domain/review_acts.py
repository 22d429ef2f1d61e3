"""Who may do what in which state of a review, and who sees what while votes are blind: two tables and their checks.

Votes are blind within one committee and project (a *box*). As long as its votes are independent, nobody but a member
who has voted there sees its votes, tally or comments: not the author, not other committees, not the public.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registry.domain.review import ABOUT, ENDED, STANDING, ReviewState
from registry.domain.tally import Tally
from registry.errors import Forbidden, Malformed, WrongState


class Role(StrEnum):
    """What somebody is to one review."""

    AUTHOR = "author"
    CHAIR = "chair"
    MEMBER = "member"
    UNDECLARED = "undeclared"
    RECUSED = "recused"
    OFFICE = "office"
    OUTSIDER = "outsider"


class Act(StrEnum):
    """What people do to a review besides signing; a signed decision is judged by its signature."""

    ASK = "ask"
    COMMENT = "comment"
    DECLARE = "declare"
    PREPARE = "prepare"
    UNDO = "undo"
    RETURN = "return"
    SUSPEND = "suspend"
    RESUME = "resume"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The roles and the states in which an act is allowed."""

    roles: frozenset[Role]
    states: frozenset[ReviewState]


_S, _R = ReviewState, Role
_LOOKING: Final = frozenset({_S.IN_REVIEW, _S.CONSOLIDATING})
_VOTABLE: Final = _LOOKING | STANDING | {_S.REJECTED}
_SEATED: Final = frozenset({_R.CHAIR, _R.MEMBER})

ALLOWED: Final[Mapping[Act, Allowed]] = {
    Act.ASK: Allowed(roles=frozenset({_R.AUTHOR}), states=frozenset({_S.SUBMITTED, _S.CHECKING, _S.IN_REVIEW})),
    Act.COMMENT: Allowed(roles=_SEATED | {_R.AUTHOR}, states=_VOTABLE | {_S.RETURNED}),
    Act.DECLARE: Allowed(roles=_SEATED | {_R.UNDECLARED}, states=_VOTABLE),
    Act.PREPARE: Allowed(roles=_SEATED, states=_VOTABLE),
    Act.UNDO: Allowed(roles=_SEATED | {_R.OFFICE}, states=frozenset(_S)),
    Act.RETURN: Allowed(roles=_SEATED, states=_LOOKING),
    Act.SUSPEND: Allowed(roles=frozenset({_R.CHAIR}), states=frozenset({_S.APPROVED, _S.APPROVED_WITH_CONDITIONS})),
    Act.RESUME: Allowed(roles=frozenset({_R.CHAIR}), states=frozenset({_S.SUSPENDED})),
    Act.REVOKE: Allowed(roles=frozenset({_R.OFFICE}), states=frozenset(_S) - {_S.DRAFT, _S.REVOKED}),
}

CONSEQUENCES: Final[Mapping[Act, str]] = {
    Act.SUSPEND: "Every reader of the review sees that it is suspended and why, and the offices concerned are told. It "
    "stops no order: nodes go by what was signed. Only an office's revocation stops them.",
    Act.RESUME: "The review stands again where its signed votes put it. Every reader sees why.",
    Act.REVOKE: "Once you have signed, every node refuses this version at its next poll, and no way leads back. The "
    "author can submit a new version.",
}
"""What the acts that need a reason do, for whoever is about to confirm one."""

NOTICES: Final[Mapping[str, str]] = {
    Act.SUSPEND: "why it was suspended",
    Act.RESUME: "why the suspension was lifted",
    Act.REVOKE: "why its office revokes it",
}
"""What the reason of such an act is called; every reader of the review sees it."""

_REFUSED: Final[Mapping[Role, tuple[str, str]]] = {
    _R.UNDECLARED: ("conflict-undeclared", "First declare whether you have a conflict of interest here."),
    _R.RECUSED: ("conflict-recused", "You declared a conflict of interest here and take no further part."),
}


def role(
    person: str,
    author: str,
    tallies: Iterable[Tally],
    declared: Mapping[str, bool],
    offices: frozenset[str] = frozenset(),
) -> Role:
    """Return what `person` is to a review; `declared` are their declarations by committee (true: a conflict).

    `offices` are those that accredited its author or seat its committees.
    """
    if person in offices:
        return Role.OFFICE
    if person == author:
        return Role.AUTHOR
    mine = [one for one in tallies if person in one.voted | one.waiting | one.recused]
    if not mine:
        return Role.OUTSIDER
    if any(person in one.recused for one in mine) or any(declared.get(one.committee) for one in mine):
        return Role.RECUSED
    if any(one.committee not in declared and person not in one.voted for one in mine):
        return Role.UNDECLARED
    return Role.CHAIR if any(person in one.chairs for one in mine) else Role.MEMBER


def check_may(act: Act, as_role: Role, state: ReviewState) -> None:
    """Raise Forbidden or WrongState unless the table allows the act."""
    allowed = ALLOWED[act]
    if as_role not in allowed.roles:
        plain = ("review-role", f"As {as_role} of this review you may not {act}.")
        raise Forbidden(*(_REFUSED.get(as_role, plain) if allowed.roles & _SEATED else plain))
    if state not in allowed.states:
        sentence = f"One cannot {act} while a review is {ABOUT[state].words}. {ABOUT[state].next}"
        raise WrongState("review-state", sentence)


def check_reason(act: Act, untrusted: str) -> str:
    """Return a reason without the space around it; Malformed for none."""
    if not untrusted.strip():
        raise Malformed("reason-missing", f"Write down why you {act} it: the author and its users read it.")
    return untrusted.strip()


def is_open_to(person: str | None, tally: Tally, state: ReviewState) -> bool:
    """Say whether `person` may see what others said in this box: a filter for lists, not a permission."""
    return state in ENDED or not tally.is_blind or person in tally.voted
