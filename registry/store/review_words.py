"""What people say in reviews besides signed votes: requests, declarations, prepared decisions, comments, views."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, select

from registry.store.base import Transaction
from registry.store.tables import Event
from registry.store.tables_review import Declaration, PreparedDecision, ReviewComment, ReviewRequest, ReviewView


def requests(tx: Transaction, algorithms: Iterable[str]) -> dict[str, list[ReviewRequest]]:
    """Return what was asked for each of these versions, by project."""
    theirs = select(ReviewRequest).where(ReviewRequest.algorithm.in_(tuple(algorithms)))
    found: dict[str, list[ReviewRequest]] = {}
    for row in tx.scalars(theirs.order_by(ReviewRequest.project)):
        found.setdefault(row.algorithm, []).append(row)
    return found


def declarations(tx: Transaction, algorithms: Iterable[str]) -> dict[str, list[Declaration]]:
    """Return the declarations on each of these versions."""
    theirs = select(Declaration).where(Declaration.algorithm.in_(tuple(algorithms)))
    found: dict[str, list[Declaration]] = {}
    for row in tx.scalars(theirs.order_by(Declaration.committee, Declaration.member)):
        found.setdefault(row.algorithm, []).append(row)
    return found


def declare(tx: Transaction, row: Declaration) -> None:
    """Keep a member's declaration in place of an earlier one."""
    tx.merge(row)
    tx.flush()


def prepared(tx: Transaction, digest: str) -> PreparedDecision | None:
    """Return a prepared decision by the digest of its statement."""
    return tx.get(PreparedDecision, digest)


def handed_over(tx: Transaction, code: str) -> PreparedDecision | None:
    """Return the prepared decision that a code fetches."""
    return tx.scalars(select(PreparedDecision).where(PreparedDecision.handover == code)).first()


def prepared_by(tx: Transaction, algorithm: str, member: str) -> Sequence[PreparedDecision]:
    """Return what a member has prepared and not signed for one version."""
    mine = select(PreparedDecision).where(PreparedDecision.algorithm == algorithm, PreparedDecision.member == member)
    return tx.scalars(mine.order_by(PreparedDecision.committee, PreparedDecision.project)).all()


def prepare(tx: Transaction, row: PreparedDecision) -> None:
    """Keep a prepared decision in place of the member's earlier one."""
    unprepare(tx, row.algorithm, row.committee, row.project, row.member)
    tx.add(row)
    tx.flush()


def unprepare(tx: Transaction, algorithm: str, committee: str, project: str, member: str) -> None:
    """Forget a prepared decision, if there is one."""
    mine = (
        PreparedDecision.algorithm == algorithm,
        PreparedDecision.committee == committee,
        PreparedDecision.project == project,
        PreparedDecision.member == member,
    )
    tx.execute(delete(PreparedDecision).where(*mine))


def signed(tx: Transaction, digest: str) -> None:
    """Forget a prepared statement that has come back signed."""
    tx.execute(delete(PreparedDecision).where(PreparedDecision.digest == digest))


def comments(tx: Transaction, algorithm: str) -> Sequence[ReviewComment]:
    """Return all comments on one version, oldest first."""
    theirs = select(ReviewComment).where(ReviewComment.algorithm == algorithm)
    return tx.scalars(theirs.order_by(ReviewComment.sequence)).all()


def viewed(tx: Transaction, algorithm: str, person: str, now: datetime) -> None:
    """Note that somebody looks at a version now."""
    tx.merge(ReviewView(algorithm=algorithm, person=person, at=now))


def last_seen(tx: Transaction, algorithms: Iterable[str], person: str) -> str | None:
    """Return which of these versions somebody looked at last."""
    mine = select(ReviewView.algorithm).where(ReviewView.person == person, ReviewView.algorithm.in_(tuple(algorithms)))
    return tx.scalars(mine.order_by(ReviewView.at.desc()).limit(1)).first()


def timeline(tx: Transaction, algorithm: str) -> Sequence[Event]:
    """Return what the audit holds of one version's states, oldest first; it names no vote."""
    mine = select(Event).where(Event.subject == algorithm, Event.verb.like("review.%"), Event.actor == "registry")
    return tx.scalars(mine.order_by(Event.sequence)).all()
