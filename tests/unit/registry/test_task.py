"""The author's list of tasks: what is done, whose turn it is, what to do next, for every state a version can be in."""

from datetime import UTC, datetime
from typing import Any

import pytest

from registry.domain.review import ReviewState
from registry.domain.tally import Outcome
from registry.domain.task import BAD, DONE, PLAIN, TO_DO, WAITING, Box, Progress, next_of, tasks_of

DAY = datetime(2026, 11, 27, tzinfo=UTC)


def progress(**changes: Any) -> Progress:
    fields: dict[str, Any] = {
        "digest": "0" * 64, "state": ReviewState.IN_REVIEW, "image_here": True, "fit": ("cohort-fi",), "unfit": (),
        "awaited": (), "projects": ("t2d",), "may_ask": True, "boxes": (),
    }  # fmt: skip
    return Progress(**(fields | changes))


def box(outcome: Outcome | None, **changes: Any) -> Box:
    fields: dict[str, Any] = {"approvals": 1, "required": 2, "deadline": None}
    return Box(committee="ethics", project="t2d", outcome=outcome, **(fields | changes))


@pytest.mark.parametrize(
    ("at", "changes", "colour", "said"),
    [
        (1, {"image_here": True}, DONE, ""),
        (1, {"image_here": False}, TO_DO, "safeconduct algorithm submit"),
        (1, {"image_here": None}, PLAIN, "each node's own code"),
        (2, {}, DONE, "twins of cohort-fi"),
        (2, {"unfit": ("cohort-es",)}, BAD, "put it right"),
        (2, {"awaited": ("cohort-es",)}, WAITING, "Nothing for you to do"),
        (2, {"fit": ()}, PLAIN, "No dataset in the catalogue"),
        (2, {"image_here": None, "fit": ()}, PLAIN, "no program"),
        (3, {}, DONE, "another project"),
        (3, {"may_ask": False}, DONE, "For t2d."),
        (3, {"projects": ()}, TO_DO, "who may order"),
        (3, {"projects": (), "may_ask": False}, PLAIN, "too late"),
        (4, {"boxes": (box(None, deadline=DAY),)}, WAITING, "It has until 2026-11-27"),
        (4, {"boxes": (box(Outcome.APPROVED),)}, DONE, "1 of 2 approvals"),
        (4, {"boxes": (box(Outcome.APPROVED_WITH_CONDITIONS),)}, DONE, "1 of 2 approvals"),
        (4, {"boxes": (box(Outcome.REJECTED),)}, BAD, "reasons stand below"),
        (4, {"boxes": (box(Outcome.CONSOLIDATING),)}, WAITING, "may vote anew"),
        (4, {"state": ReviewState.APPROVED}, DONE, "may order it"),
        (4, {"state": ReviewState.RETURNED}, BAD, "votes do not carry over"),
        (4, {"state": ReviewState.REVOKED}, BAD, "Nodes refuse it"),
    ],
)
def test_each_task_says_how_it_stands_and_what_to_do_next(
    at: int, changes: dict[str, Any], colour: str, said: str
) -> None:
    task = tasks_of(progress(**changes))[at]

    assert task.colour == colour
    assert said in task.next


@pytest.mark.parametrize("state", list(ReviewState))
def test_every_state_has_a_list_and_names_each_task_once(state: ReviewState) -> None:
    names = [task.name for task in tasks_of(progress(state=state, boxes=(box(None),)))]

    assert len(set(names)) == len(names) >= 5


def test_a_closed_box_says_nothing_of_its_votes() -> None:
    closed = tasks_of(progress(boxes=(box(None, approvals=1),)))[4]

    assert "1 of" not in closed.next + closed.status


def test_what_went_wrong_comes_before_what_is_to_do_and_that_before_what_is_waited_for() -> None:
    waiting = progress(awaited=("cohort-fi",))
    to_do = progress(awaited=("cohort-fi",), image_here=False)
    wrong = progress(awaited=("cohort-fi",), image_here=False, unfit=("cohort-es",))

    found = [next_of(tasks_of(each)) for each in (waiting, to_do, wrong, progress())]

    assert [task.colour if task else None for task in found] == [WAITING, TO_DO, BAD, None]
