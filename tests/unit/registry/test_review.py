"""Where votes lead: rules 1 to 6 of `registry.domain.review`."""

from itertools import product

import pytest

from registry.domain.review import (
    TRANSITIONS,
    ReviewState,
    Rule,
    Seat,
    Tally,
    Vote,
    derive,
    steps,
    tally,
    voters,
)
from registry.errors import WrongState

S = ReviewState


def seat(person: str, institution: str = "", *seats: str) -> Seat:
    return Seat(person=person, institution=institution or f"institute-{person}", seats=frozenset(seats))


def rule(*members: Seat, approvals: int = 2, institutions: int = 1, seats: tuple[str, ...] = ()) -> Rule:
    return Rule(
        voters={member.person: member for member in members},
        minimum_approvals=approvals,
        minimum_institutions=institutions,
        seats=frozenset(seats),
    )


def yes(member: str, scope: str = "same") -> Vote:
    return Vote(member=member, scope=scope, approves=True, conflicted=False)


def no(member: str) -> Vote:
    return Vote(member=member, scope="same", approves=False, conflicted=False)


def recused(member: str) -> Vote:
    return Vote(member=member, scope="same", approves=True, conflicted=True)


THREE = (seat("a"), seat("b"), seat("c"))


def test_transition_table_covers_the_enum() -> None:
    assert set(TRANSITIONS) == set(ReviewState)
    assert all(target in ReviewState for targets in TRANSITIONS.values() for target in targets)


def test_nothing_leads_out_of_revoked_and_everything_leads_in() -> None:
    assert not TRANSITIONS[S.REVOKED]
    assert all(S.REVOKED in TRANSITIONS[state] for state in S if state is not S.REVOKED)


@pytest.mark.parametrize(
    ("votes", "outcome"),
    [
        ((yes("a"),), S.IN_REVIEW),
        ((yes("a"), yes("b")), S.APPROVED),
        ((yes("a"), yes("a")), S.IN_REVIEW),
        ((yes("a"), yes("b", "other conditions")), S.IN_REVIEW),
        ((yes("a"), yes("stranger")), S.IN_REVIEW),
        ((yes("a"), recused("b")), S.IN_REVIEW),
        ((no("a"),), S.IN_REVIEW),
        ((no("a"), no("b")), S.REJECTED),
        ((no("a"), recused("b")), S.REJECTED),
        ((recused("a"), recused("b")), S.IN_REVIEW),
        ((yes("a"), yes("b"), no("c")), S.APPROVED),
    ],
)
def test_tally_two_of_three(votes: tuple[Vote, ...], outcome: ReviewState) -> None:
    assert tally("ethics", "t2d", rule(*THREE), votes).outcome is outcome


def test_tally_wants_distinct_institutions() -> None:
    same_house = rule(seat("a", "hospital"), seat("b", "hospital"), seat("c"), institutions=2)

    assert tally("ethics", "t2d", same_house, [yes("a"), yes("b")]).outcome is S.IN_REVIEW
    assert tally("ethics", "t2d", same_house, [yes("a"), yes("c")]).outcome is S.APPROVED


def test_tally_wants_every_seat() -> None:
    seated = rule(seat("a", "", "ethics"), seat("b", "", "ethics"), seat("c", "", "law"), seats=("ethics", "law"))

    assert tally("ethics", "t2d", seated, [yes("a"), yes("b")]).outcome is S.IN_REVIEW
    assert tally("ethics", "t2d", seated, [yes("b"), yes("c")]).outcome is S.APPROVED


def test_a_rule_without_a_minimum_still_wants_one_approval() -> None:
    assert tally("ethics", "t2d", rule(*THREE, approvals=0, institutions=0), [recused("a")]).outcome is S.IN_REVIEW


def test_author_and_the_authors_institution_do_not_vote() -> None:
    allowed = voters([seat("ada"), seat("b", "university"), seat("c")], author="ada", excluded_institution="university")

    assert set(allowed) == {"c"}


def counted(project: str, outcome: ReviewState) -> Tally:
    return Tally(committee="ethics", project=project, outcome=outcome, approvals=0, rejections=0, recused=0, required=2)


@pytest.mark.parametrize(
    ("tallies", "state"),
    [
        ((), S.SUBMITTED),
        ((counted("p", S.IN_REVIEW),), S.IN_REVIEW),
        ((counted("p", S.APPROVED),), S.APPROVED),
        ((counted("p", S.APPROVED), counted("p", S.IN_REVIEW)), S.IN_REVIEW),
        ((counted("p", S.APPROVED), counted("p", S.REJECTED)), S.REJECTED),
        ((counted("p", S.REJECTED), counted("q", S.APPROVED)), S.APPROVED),
        ((counted("p", S.REJECTED), counted("q", S.IN_REVIEW)), S.IN_REVIEW),
        ((counted("p", S.REJECTED), counted("q", S.REJECTED)), S.REJECTED),
    ],
)
def test_derive(tallies: tuple[Tally, ...], state: ReviewState) -> None:
    assert derive(tallies, revoked=False) is state
    assert derive(tallies, revoked=True) is S.REVOKED


@pytest.mark.parametrize(("old", "derived"), list(product(S, S)))
def test_steps_follow_the_table_from_every_state(old: ReviewState, derived: ReviewState) -> None:
    here = old
    for step in steps(old, derived):
        assert step in TRANSITIONS[here]
        here = step
    expected = S.REVOKED if old is S.REVOKED else derived
    if derived is S.SUBMITTED and old not in (S.SUBMITTED, S.REVOKED):
        expected = S.IN_REVIEW
    assert here is expected


def test_a_step_the_table_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.domain.review.TRANSITIONS", {state: frozenset() for state in S})

    with pytest.raises(WrongState) as refusal:
        steps(S.SUBMITTED, S.APPROVED)

    assert refusal.value.code == "review-state"
