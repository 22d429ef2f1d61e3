"""Put together what a committee's pages show: the list of reviews, and one review with what it rests on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval, Conditions
from registry.actions import accepted, ballots, review, sign
from registry.actions.desk import Desk
from registry.actions.review_asked import Asked, asked_of
from registry.actions.review_changes import Comparison, compare
from registry.actions.review_image import ImageSeen, contents_of, image_of
from registry.actions.review_rehearsal import ProjectRuns, Rehearsals, rehearsals_of, runs_of
from registry.domain.caller import Caller
from registry.domain.review import ReviewState
from registry.domain.standing import check_standing
from registry.domain.terms import describe_changes
from registry.errors import Unauthenticated
from registry.store import accreditation, document, tables
from registry.store import review as versions
from registry.store.base import Transaction

TABS: dict[str, frozenset[ReviewState]] = {
    "open": frozenset({ReviewState.CHECKING, ReviewState.IN_REVIEW, ReviewState.CONSOLIDATING}),
    "researcher": frozenset({ReviewState.RETURNED}),
}
TABS["decided"] = frozenset(ReviewState).difference(*TABS.values())
"""What each list shows, by whose turn it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenVote:
    """One vote that the reader may see, where its conditions differ from what was asked, and its member's reasons."""

    row: tables.Approval
    narrower: tuple[str, ...]
    reasons: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnePage:
    """Everything on the page of one review. `signable`: the prepared statements that may be signed on it."""

    whole: review.Whole
    algorithm: Algorithm
    author: tables.Accreditation | None
    accredited: bool
    asked: tuple[Asked, ...]
    comparisons: tuple[Comparison, ...]
    image: ImageSeen | None
    rehearsals: Rehearsals
    projects: tuple[ProjectRuns, ...]
    votes: tuple[SeenVote, ...]
    signable: frozenset[str]


def list_page(
    desk: Desk, caller: Caller, tab: str, now: datetime, *, after: int, limit: int
) -> tuple[review.Review, ...]:
    """Return one page of a list, those that wait for the caller's vote first."""
    with desk.store.reading() as tx:
        rows = versions.page_in(tx, TABS[tab], after=after, limit=limit)
        found = ballots.load(tx, desk, rows, now)
        seen = [review.seen_by(desk, caller.subject, row, found) for row in rows]
    return tuple(sorted(seen, key=lambda each: not each.mine))


def show_page(desk: Desk, caller: Caller, digest: str, now: datetime) -> OnePage:
    """Return one review with its algorithm, author and requests; the look is recorded."""
    whole = review.show_review(desk, caller, digest, now)
    row = whole.review.algorithm
    with desk.store.reading() as tx:
        (envelope,) = document.envelopes(tx, [digest])
        algorithm = accepted.read(envelope, Algorithm)
        author = accreditation.current(tx, row.author)
        asked = tuple(asked_of(tx, each, algorithm) for each in whole.requests)
        return OnePage(
            whole=whole,
            algorithm=algorithm,
            author=author,
            accredited=author is not None and _stands(tx, author, now),
            asked=asked,
            comparisons=compare(tx, whole, algorithm, lambda each: contents_of(desk, caller, each)),
            image=image_of(desk, caller, algorithm),
            rehearsals=rehearsals_of(tx, whole, algorithm),
            projects=runs_of(tx, whole),
            votes=_votes(tx, whole.review.approvals, asked),
            signable=sign.signable(desk, tx, whole.prepared, now),
        )


def _stands(tx: Transaction, author: tables.Accreditation, now: datetime) -> bool:
    try:
        check_standing(accreditation.standing(author), accreditation.revocations(tx), now)
    except Unauthenticated:
        return False
    return True


def _votes(tx: Transaction, rows: Iterable[tables.Approval], asked: Iterable[Asked]) -> tuple[SeenVote, ...]:
    wanted = {each.request.project: each.conditions for each in asked}
    return tuple(_vote(tx, row, wanted.get(row.project)) for row in rows)


def _vote(tx: Transaction, row: tables.Approval, asked: Conditions | None) -> SeenVote:
    found = [accepted.read(raw, Approval) for raw in document.envelopes(tx, [row.digest])]
    if not found:  # it was erased
        return SeenVote(row=row, narrower=("erased",), reasons="They were erased.")
    narrower = describe_changes(found[0].conditions, asked) if asked else ("nothing was asked here",)
    return SeenVote(row=row, narrower=narrower, reasons=found[0].rationale)
