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
from registry.errors import Forbidden, WrongState


class Role(StrEnum):
    """What somebody is to one review."""

    AUTHOR = "author"
    CHAIR = "chair"
    MEMBER = "member"
    UNDECLARED = "undeclared"
    RECUSED = "recused"
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
    Act.UNDO: Allowed(roles=_SEATED, states=frozenset(_S)),
    Act.RETURN: Allowed(roles=_SEATED, states=_LOOKING),
    Act.SUSPEND: Allowed(roles=frozenset({_R.CHAIR}), states=frozenset({_S.APPROVED, _S.APPROVED_WITH_CONDITIONS})),
    Act.RESUME: Allowed(roles=frozenset({_R.CHAIR}), states=frozenset({_S.SUSPENDED})),
}

_REFUSED: Final[Mapping[Role, tuple[str, str]]] = {
    _R.UNDECLARED: ("conflict-undeclared", "First declare whether you have a conflict of interest here."),
    _R.RECUSED: ("conflict-recused", "You declared a conflict of interest here and take no further part."),
}


def role(person: str, author: str, tallies: Iterable[Tally], declared: Mapping[str, bool]) -> Role:
    """Return what `person` is to a review; `declared` are their declarations by committee (true: a conflict)."""
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


def is_open_to(person: str | None, tally: Tally, state: ReviewState) -> bool:
    """Say whether `person` may see what others said in this box: a filter for lists, not a permission."""
    return state in ENDED or not tally.is_blind or person in tally.voted
