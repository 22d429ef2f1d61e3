"""What is done and what is to do for one algorithm version, as its author sees it: a list, in the order of the work.

Each task says whose turn it is and what to do next. While a committee's votes are blind, its task says only that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from registry.domain.review import ABOUT, ReviewState
from registry.domain.tally import Outcome

DONE, WAITING, TO_DO, BAD, PLAIN = "green", "yellow", "orange", "red", ""
"""Colours of a status; its words alone say what it means."""

APPROVED: Final = frozenset({Outcome.APPROVED, Outcome.APPROVED_WITH_CONDITIONS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task: its status in a word or two, what to do next, and where (empty: not on a page)."""

    name: str
    status: str
    colour: str
    next: str
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One committee and project that was asked. `outcome` is None while its votes are closed to the author."""

    committee: str
    project: str
    outcome: Outcome | None
    approvals: int
    required: int
    deadline: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """All that decides how far a version is.

    image_here: None where it has no image. fit, unfit, awaited: datasets on whose twins it was, or is to be, rehearsed.
    may_ask: whether a committee can still be asked.
    """

    digest: str
    state: ReviewState
    image_here: bool | None
    fit: tuple[str, ...]
    unfit: tuple[str, ...]
    awaited: tuple[str, ...]
    projects: tuple[str, ...]
    may_ask: bool
    boxes: tuple[Box, ...]


def tasks_of(progress: Progress) -> tuple[Task, ...]:
    """Return every task of a version."""
    address = f"/algorithms/{progress.digest}"
    signed = Task(name="Signed and submitted", status="Done", colour=DONE, next="", address=address)
    boxes = (_box(box) for box in progress.boxes)
    return (signed, _image(progress), _rehearsal(progress), _request(progress), *boxes, *_end(progress))


def next_of(tasks: tuple[Task, ...]) -> Task | None:
    """Return what the author should look at first: what went wrong, else what is to do, else what is waited for."""
    for colour in (BAD, TO_DO, WAITING):
        for task in tasks:
            if task.colour == colour:
                return task
    return None


def _image(progress: Progress) -> Task:
    name = "Image at the registry"
    if progress.image_here is None:
        said = "It declares statistics, which each node's own code computes."
        return Task(name=name, status="Not needed", colour=PLAIN, next=said)
    if progress.image_here:
        return Task(name=name, status="Done", colour=DONE, next="")
    said = "Run safeconduct algorithm submit FOLDER; a broken upload goes on where it stopped."
    return Task(name=name, status="To do", colour=TO_DO, next=said)


def _rehearsal(progress: Progress) -> Task:
    name = "Rehearsed on synthetic data"
    if progress.image_here is None:
        return Task(name=name, status="Not needed", colour=PLAIN, next="There is no program to run.")
    if progress.unfit:
        said = f"Read what was found on {', '.join(progress.unfit)}, put it right, and submit a new version."
        return Task(name=name, status="Not fit", colour=BAD, next=said)
    if progress.awaited:
        said = f"Nothing for you to do: a node without data is to run it on twins of {', '.join(progress.awaited)}."
        return Task(name=name, status="Waiting", colour=WAITING, next=said)
    if progress.fit:
        return Task(name=name, status="Fit", colour=DONE, next=f"On twins of {', '.join(progress.fit)}.")
    said = "No dataset in the catalogue has its privacy unit and all columns that it reads."
    return Task(name=name, status="No dataset fits", colour=PLAIN, next=said)


def _request(progress: Progress) -> Task:
    name = "Request to committees"
    address = f"/my/algorithms/{progress.digest}/ask" if progress.may_ask else ""
    if progress.projects:
        more = " You may ask for another project." if progress.may_ask else ""
        said = f"For {', '.join(progress.projects)}.{more}"
        return Task(name=name, status="Done", colour=DONE, next=said, address=address)
    if not progress.may_ask:
        return Task(name=name, status="Not asked", colour=PLAIN, next="It is too late to ask for this version.")
    said = "Say for which project, who may order, at which nodes, for how much ρ; check it; send it."
    return Task(name=name, status="To do", colour=TO_DO, next=said, address=address)


def _box(box: Box) -> Task:
    name = f"Decision of {box.committee}, for {box.project}"
    until = f" It has until {box.deadline:%Y-%m-%d %H:%M} UTC." if box.deadline else ""
    if box.outcome is None:
        said = f"Its members vote without seeing the votes of others; you see none before it has decided.{until}"
        return Task(name=name, status="Deciding", colour=WAITING, next=said)
    count = f"{box.approvals} of {box.required} approvals"
    if box.outcome in APPROVED:
        return Task(name=name, status="Approved", colour=DONE, next=f"{count}.")
    if box.outcome is Outcome.REJECTED:
        said = f"{count}. The reasons stand below; a new version may answer them."
        return Task(name=name, status="Rejected", colour=BAD, next=said)
    return Task(name=name, status="Consolidating", colour=WAITING, next=f"{count}. Its members talk and may vote anew.")


def _end(progress: Progress) -> Iterator[Task]:
    about = ABOUT[progress.state]
    words = about.words.capitalize()
    if progress.state in (ReviewState.APPROVED, ReviewState.APPROVED_WITH_CONDITIONS):
        yield Task(name="Order a run", status=words, colour=DONE, next=about.next, address="/my/jobs/new")
    elif progress.state is ReviewState.RETURNED:
        said = f"{about.next} Raise its version, sign it anew, submit it: votes do not carry over."
        yield Task(name="Returned to you", status=words, colour=BAD, next=said)
    elif progress.state in (ReviewState.REVOKED, ReviewState.SUSPENDED, ReviewState.EXPIRED, ReviewState.SUPERSEDED):
        yield Task(name="No run can be ordered", status=words, colour=BAD, next=about.next)
