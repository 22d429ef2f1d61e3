"""Where facts lead: the rules of `registry.domain.review`, and its table."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from registry.domain import review
from registry.domain.review import ABOUT, TRANSITIONS, Facts, Owner, derive, steps
from registry.domain.review import ReviewState as S
from registry.domain.tally import Outcome, Tally
from registry.errors import WrongState

MANUAL = Path(__file__).parents[3] / "docs" / "reference" / "review-states.md"


def box(project: str, outcome: Outcome, committee: str = "ethics") -> Tally:
    nobody: frozenset[str] = frozenset()
    return Tally(
        committee=committee, project=project, outcome=outcome, approvals=0, rejections=0, required=2, voted=nobody,
        waiting=nobody, recused=nobody, chairs=nobody, possible=True, scope=None,
    )  # fmt: skip


def test_table_and_words_cover_the_enum() -> None:
    assert set(TRANSITIONS) == set(ABOUT) == set(S)
    assert all(target in S for targets in TRANSITIONS.values() for target in targets)
    assert {about.owner for about in ABOUT.values()} == set(Owner)
    assert all(about.words and about.next.endswith(".") for about in ABOUT.values())


def test_every_state_is_reached_and_nothing_leads_out_of_revoked() -> None:
    assert set().union(*TRANSITIONS.values()) == set(S) - {S.DRAFT}
    assert not TRANSITIONS[S.REVOKED]
    assert all(S.REVOKED in TRANSITIONS[state] for state in S if state not in (S.REVOKED, S.DRAFT))


def test_the_manual_shows_the_diagram_and_the_words_of_the_table() -> None:
    manual = MANUAL.read_text()

    assert f"```mermaid\n{review.draw_diagram()}```\n" in manual
    assert review.draw_table() in manual


@pytest.mark.parametrize(
    ("tallies", "state"),
    [
        ((), S.IN_REVIEW),
        ((box("p", Outcome.INDEPENDENT),), S.IN_REVIEW),
        ((box("p", Outcome.CONSOLIDATING),), S.CONSOLIDATING),
        ((box("p", Outcome.APPROVED),), S.APPROVED),
        ((box("p", Outcome.APPROVED_WITH_CONDITIONS),), S.APPROVED_WITH_CONDITIONS),
        ((box("p", Outcome.APPROVED), box("p", Outcome.INDEPENDENT, "law")), S.IN_REVIEW),
        ((box("p", Outcome.APPROVED), box("p", Outcome.CONSOLIDATING, "law")), S.CONSOLIDATING),
        ((box("p", Outcome.CONSOLIDATING), box("p", Outcome.INDEPENDENT, "law")), S.IN_REVIEW),
        ((box("p", Outcome.APPROVED), box("p", Outcome.REJECTED, "law")), S.REJECTED),
        ((box("p", Outcome.APPROVED), box("p", Outcome.APPROVED_WITH_CONDITIONS, "law")), S.APPROVED_WITH_CONDITIONS),
        ((box("p", Outcome.APPROVED_WITH_CONDITIONS), box("q", Outcome.APPROVED)), S.APPROVED),
        ((box("p", Outcome.REJECTED), box("q", Outcome.APPROVED)), S.APPROVED),
        ((box("p", Outcome.REJECTED), box("q", Outcome.INDEPENDENT)), S.IN_REVIEW),
        ((box("p", Outcome.REJECTED), box("q", Outcome.REJECTED)), S.REJECTED),
    ],
)
def test_votes_lead_to_one_state(tallies: tuple[Tally, ...], state: S) -> None:
    assert derive(Facts(tallies=tallies)) is state


APPROVED = Facts(tallies=(box("p", Outcome.APPROVED),))


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"checked": False}, S.CHECKING),
        ({"suspended": True}, S.SUSPENDED),
        ({"expired": True}, S.EXPIRED),
        ({"suspended": True, "expired": True}, S.EXPIRED),
        ({"returned": True}, S.RETURNED),
        ({"returned": True, "superseded": True}, S.SUPERSEDED),
        ({"revoked": True, "superseded": True, "returned": True, "checked": False}, S.REVOKED),
    ],
)
def test_other_facts_come_before_votes(changes: dict[str, bool], state: S) -> None:
    assert derive(replace(APPROVED, **changes)) is state


def test_a_suspension_says_nothing_about_what_is_not_approved() -> None:
    assert derive(Facts(tallies=(box("p", Outcome.REJECTED),), suspended=True, expired=True)) is S.REJECTED


@pytest.mark.parametrize(("old", "derived"), list(product(S, S)))
def test_steps_follow_the_table_or_are_refused(old: S, derived: S) -> None:
    if old is S.REVOKED:
        assert steps(old, derived) == ()
        return
    if derived not in _reachable(old) | {old}:
        with pytest.raises(WrongState, match="Submit a new version"):
            steps(old, derived)
        return
    here = old
    for step in steps(old, derived):
        assert step in TRANSITIONS[here]
        here = step
    assert here is derived


def _reachable(old: S) -> set[S]:
    """By saturation, another way than the one under test."""
    found = set(TRANSITIONS[old])
    while more := set().union(*(TRANSITIONS[state] for state in found)) - found:
        found |= more
    return found


def test_one_vote_may_end_the_blind_phase_and_decide() -> None:
    assert steps(S.IN_REVIEW, S.APPROVED) == (S.CONSOLIDATING, S.APPROVED)
    assert steps(S.APPROVED, S.IN_REVIEW) == (S.CONSOLIDATING, S.IN_REVIEW)
    assert steps(S.DRAFT, S.IN_REVIEW) == (S.SUBMITTED, S.CHECKING, S.IN_REVIEW)
