"""Keep each review where the facts put it: after every act, and when time alone has moved on."""

from datetime import datetime

from registry.actions import ballots, log, message, rehearsal
from registry.actions.desk import Desk
from registry.domain.review import ENDED, OPEN, STANDING, Facts, ReviewState, derive, steps
from registry.store import document, review, tables
from registry.store.base import Transaction
from registry.store.tables_review import ReviewCourse

_APPROVED = frozenset({ReviewState.APPROVED, ReviewState.APPROVED_WITH_CONDITIONS})


def begin(tx: Transaction, desk: Desk, row: tables.Algorithm, now: datetime) -> None:
    """Let a version that was just submitted be checked, and supersede the author's open ones of the same name."""
    tx.add(ReviewCourse(algorithm=row.digest))
    tx.flush()
    _supersede(tx, desk, row, OPEN, now)
    settle(tx, desk, row.digest, now)


def settle(tx: Transaction, desk: Desk, algorithm: str, now: datetime) -> None:
    """Move a review to where votes, evidence, revocations and the clock put it, one recorded step at a time."""
    row = review.algorithm(tx, algorithm)
    if row is None:
        return
    found = ballots.load(tx, desk, [row], now)
    facts = ballots.facts(tx, found, row, checked=is_checked(tx, desk, row))
    entered = steps(ReviewState(row.state), derive(facts))
    for state in entered:
        _enter(tx, desk, row, state, now)
    for state in entered[-1:]:  # where it has come to rest; nobody is told of what it only passed
        message.tell_state(tx, row, state, facts.tallies, now)
    if row.state == ReviewState.IN_REVIEW:
        message.tell_asked(tx, row, facts.tallies, now)
    _open_votes(tx, found, row, facts)


def follow_time(desk: Desk, now: datetime) -> int:
    """Settle every review that time can move: deadlines pass, approvals expire. Return how many moved."""
    states = {ReviewState.CHECKING, ReviewState.IN_REVIEW} | STANDING
    with desk.store.reading() as tx:
        rows = review.in_states(tx, states)
        found = ballots.load(tx, desk, rows, now)
        due = [row.digest for row in rows if _would_move(tx, desk, found, row)]
    for digest in due:
        with desk.store.transaction() as tx:
            settle(tx, desk, digest, now)
    return len(due)


def is_checked(tx: Transaction, desk: Desk, row: tables.Algorithm) -> bool:
    """Say whether the evidence is here that the workflow asks for before people look."""
    evidence = {
        "image": lambda: row.archive_digest == tables.NO_IMAGE or desk.blobs.has(row.archive_digest),
        "rehearsal": lambda: not rehearsal.awaited(tx, row),
    }
    return all(evidence[name]() for name in desk.workflow.evidence)


def _would_move(tx: Transaction, desk: Desk, found: ballots.Ballots, row: tables.Algorithm) -> bool:
    return derive(ballots.facts(tx, found, row, checked=is_checked(tx, desk, row))) != row.state


def _enter(tx: Transaction, desk: Desk, row: tables.Algorithm, state: ReviewState, now: datetime) -> None:
    document.record(tx, now, "registry", f"review.{state}", row.digest)
    row.state, row.changed = state.value, now
    if state is ReviewState.IN_REVIEW:
        course = review.course(tx, row.digest)
        course.opened = course.opened or now
    if state in _APPROVED:
        _supersede(tx, desk, row, STANDING, now)


def _supersede(
    tx: Transaction, desk: Desk, by: tables.Algorithm, states: frozenset[ReviewState], now: datetime
) -> None:
    for other in review.versions(tx, by.name):
        if other.sequence < by.sequence and ReviewState(other.state) in states:
            review.course(tx, other.digest).superseded_by = by.digest
            tx.flush()
            settle(tx, desk, other.digest, now)


def _open_votes(tx: Transaction, found: ballots.Ballots, row: tables.Algorithm, facts: Facts) -> None:
    """Log the votes of every committee whose votes are no longer blind."""
    still = () if derive(facts) in ENDED else facts.tallies
    blind = {(one.committee, one.project) for one in still if one.is_blind}
    votes = found.approvals.get(row.digest, ())
    opened = [vote.digest for vote in votes if (vote.committee, vote.project) not in blind]
    log.append_postponed(tx, opened)
