"""The table of job states covers the enum and keeps the rules written above it."""

from pathlib import Path

import pytest

from sandbox.domain import job
from sandbox.domain.job import JobState

S = JobState


def reachable(start: JobState) -> set[JobState]:
    seen: set[JobState] = set()
    todo = [start]
    while todo:
        state = todo.pop()
        if state not in seen:
            seen.add(state)
            todo.extend(job.TRANSITIONS[state])
    return seen


def test_table_covers_the_enum() -> None:
    assert set(job.TRANSITIONS) == set(JobState)
    assert set().union(*job.TRANSITIONS.values()) | {S.RECEIVED} == set(JobState)


def test_every_state_is_before_the_charge_or_after_it_or_an_end() -> None:
    groups = [job.BEFORE_CHARGE, job.CHARGED_AND_OPEN, {S.SEALED}, job.ENDED]
    assert sorted(state for group in groups for state in group) == sorted(JobState)


def test_ends_are_exactly_the_states_without_a_way_out() -> None:
    assert {state for state in JobState if not job.TRANSITIONS[state]} == job.ENDED


def test_every_state_leads_to_an_end() -> None:
    assert all(reachable(state) & job.ENDED for state in JobState)


def test_refusal_is_possible_only_before_the_charge() -> None:
    assert {s for s in JobState if S.REFUSED in job.TRANSITIONS[s]} == job.BEFORE_CHARGE


def test_failure_is_possible_only_after_the_charge() -> None:
    assert {s for s in JobState if S.FAILED in job.TRANSITIONS[s]} == job.CHARGED_AND_OPEN


def test_cancel_is_possible_until_sealed() -> None:
    assert {s for s in JobState if S.CANCELLED in job.TRANSITIONS[s]} == job.BEFORE_CHARGE | job.CHARGED_AND_OPEN


def test_nothing_after_the_charge_leads_back_before_it() -> None:
    assert not reachable(S.CHARGED) & job.BEFORE_CHARGE


def test_sealed_answer_is_never_computed_again() -> None:
    assert reachable(S.SEALED) == {S.SEALED, S.REPORTED}


def test_transition_outside_the_table_is_our_mistake() -> None:
    with pytest.raises(RuntimeError, match="received to sealed"):
        job.check_transition(S.RECEIVED, S.SEALED)
    job.check_transition(S.RUNNING, S.SEALED)


@pytest.mark.parametrize(("attempt", "after"), [(1, S.CHARGED), (2, S.CHARGED), (3, S.FAILED)])
def test_loss_is_retried_at_most_twice(attempt: int, after: JobState) -> None:
    assert {job.state_after_loss(state, attempt) for state in job.CHARGED_AND_OPEN} == {after}


def test_loss_before_the_charge_has_nothing_to_run_again() -> None:
    with pytest.raises(RuntimeError):
        job.state_after_loss(S.VERIFIED, 1)


def test_diagram_draws_every_transition_once() -> None:
    lines = job.draw_diagram().splitlines()
    arrows = [f"    {a} --> {b}" for a, after in job.TRANSITIONS.items() for b in after]
    assert all(lines.count(arrow) == 1 for arrow in arrows)
    assert len(lines) == 2 + len(arrows) + len(job.ENDED)


def test_diagram_in_the_manual_is_the_one_of_the_table() -> None:
    manual = Path(__file__).parents[3] / "docs" / "reference" / "job-states.md"
    assert f"```mermaid\n{job.draw_diagram()}```\n" in manual.read_text()
