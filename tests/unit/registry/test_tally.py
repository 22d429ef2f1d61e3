"""How one committee's votes are counted: rules 1 to 6 of `registry.domain.tally`."""

from typing import Any

import pytest

from registry.domain.tally import Box, Outcome, Rule, Seat, Vote, tally, voters


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


def outcome(rule: Rule, *votes: Vote, **box: Any) -> Outcome:
    return tally("ethics", "t2d", rule, votes, Box(**box)).outcome


@pytest.mark.parametrize(
    ("votes", "found"),
    [
        ((), Outcome.INDEPENDENT),
        ((yes("a"),), Outcome.INDEPENDENT),
        ((yes("a"), yes("b")), Outcome.APPROVED),
        ((yes("a"), yes("a")), Outcome.INDEPENDENT),
        ((yes("a"), yes("b", "other conditions")), Outcome.INDEPENDENT),
        ((yes("a"), yes("b", "other conditions"), no("c")), Outcome.CONSOLIDATING),
        ((yes("a"), yes("stranger")), Outcome.INDEPENDENT),
        ((yes("a"), recused("b")), Outcome.INDEPENDENT),
        ((no("a"),), Outcome.INDEPENDENT),
        ((no("a"), no("b")), Outcome.REJECTED),
        ((no("a"), recused("b")), Outcome.REJECTED),
        ((recused("a"), recused("b")), Outcome.INDEPENDENT),
        ((recused("a"), recused("b"), recused("c")), Outcome.CONSOLIDATING),
        ((yes("a"), yes("b"), no("c")), Outcome.APPROVED),
        ((yes("a"), no("b"), recused("c")), Outcome.REJECTED),
    ],
)
def test_two_of_three(votes: tuple[Vote, ...], found: Outcome) -> None:
    assert outcome(rule(*THREE), *votes) is found


def test_a_quorum_wants_distinct_institutions() -> None:
    same_house = rule(seat("a", "hospital"), seat("b", "hospital"), seat("c"), institutions=2)

    assert outcome(same_house, yes("a"), yes("b")) is Outcome.INDEPENDENT
    assert outcome(same_house, yes("a"), yes("c")) is Outcome.APPROVED


def test_a_quorum_wants_every_seat() -> None:
    seated = rule(seat("a", "", "ethics"), seat("b", "", "ethics"), seat("c", "", "law"), seats=("ethics", "law"))

    assert outcome(seated, yes("a"), yes("b")) is Outcome.INDEPENDENT
    assert outcome(seated, yes("b"), yes("c")) is Outcome.APPROVED


def test_a_rule_without_a_minimum_still_wants_one_approval() -> None:
    assert outcome(rule(*THREE, approvals=0, institutions=0), recused("a")) is Outcome.INDEPENDENT


def test_conditions_other_than_those_asked_are_conditions() -> None:
    assert outcome(rule(*THREE), yes("a"), yes("b"), asked="same") is Outcome.APPROVED
    assert outcome(rule(*THREE), yes("a"), yes("b"), asked="wider") is Outcome.APPROVED_WITH_CONDITIONS


def test_the_blind_phase_ends_with_its_time_and_decides_nothing() -> None:
    assert outcome(rule(*THREE), yes("a"), late=True) is Outcome.CONSOLIDATING
    assert outcome(rule(*THREE), late=True) is Outcome.CONSOLIDATING


def test_a_declared_conflict_recuses_without_a_vote_and_undoes_one() -> None:
    found = tally("ethics", "t2d", rule(*THREE), [yes("a"), yes("b")], Box(recused=frozenset({"b", "stranger"})))

    assert found.outcome is Outcome.INDEPENDENT
    assert (found.voted, found.waiting, found.recused) == ({"a"}, {"c"}, {"b"})
    assert found.possible
    assert not tally("ethics", "t2d", rule(*THREE), [], Box(recused=frozenset("ab"))).possible


def test_the_chair_leads_or_else_everybody() -> None:
    assert tally("ethics", "t2d", rule(seat("a", "", "chair"), seat("b")), []).chairs == {"a"}
    assert tally("ethics", "t2d", rule(*THREE), []).chairs == {"a", "b", "c"}


def test_author_and_those_who_order_and_the_authors_institution_do_not_vote() -> None:
    seats = [seat("ada"), seat("b", "university"), seat("c"), seat("rita")]

    allowed = voters(seats, author="ada", excluded_institution="university", persons=frozenset({"rita"}))

    assert set(allowed) == {"c"}
