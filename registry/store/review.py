"""Algorithm versions and the votes on them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from registry.store.base import Transaction
from registry.store.tables import NO_IMAGE, Algorithm, Approval, Event
from registry.store.tables_review import ReviewCourse


def algorithm(tx: Transaction, digest: str) -> Algorithm | None:
    """Return an algorithm version by its document's digest."""
    return tx.scalars(select(Algorithm).where(Algorithm.digest == digest)).first()


def versions(tx: Transaction, name: str) -> Sequence[Algorithm]:
    """Return every version of a name."""
    return tx.scalars(select(Algorithm).where(Algorithm.name == name)).all()


def by_author(tx: Transaction, author: str) -> Sequence[Algorithm]:
    """Return an author's versions, the newest first."""
    return tx.scalars(select(Algorithm).where(Algorithm.author == author).order_by(Algorithm.sequence.desc())).all()


def page(tx: Transaction, *, after: int, limit: int) -> Sequence[Algorithm]:
    """Return one page of algorithm versions, oldest first."""
    return tx.scalars(
        select(Algorithm).where(Algorithm.sequence > after).order_by(Algorithm.sequence).limit(limit)
    ).all()


def approvals(tx: Transaction, algorithms: Iterable[str]) -> dict[str, list[Approval]]:
    """Return all words on each of these versions, in the order received."""
    theirs = select(Approval).where(Approval.algorithm.in_(tuple(algorithms))).order_by(Approval.sequence)
    found: dict[str, list[Approval]] = {}
    for row in tx.scalars(theirs):
        found.setdefault(row.algorithm, []).append(row)
    return found


def with_approvals(tx: Transaction, approval_digests: Iterable[str]) -> frozenset[str]:
    """Return the algorithm versions that these approvals speak about."""
    wanted = tuple(approval_digests)
    return frozenset(tx.scalars(select(Approval.algorithm).where(Approval.digest.in_(wanted))))


def voted_on_by(tx: Transaction, persons: Iterable[str]) -> frozenset[str]:
    """Return the algorithm versions on which these persons voted."""
    wanted = tuple(persons)
    return frozenset(tx.scalars(select(Approval.algorithm).where(Approval.member.in_(wanted))))


def with_image(tx: Transaction, archive_digest: str, author: str) -> bool:
    """Say whether `author` has submitted an algorithm with this image."""
    mine = select(Algorithm.digest).where(Algorithm.archive_digest == archive_digest, Algorithm.author == author)
    return tx.scalars(mine.limit(1)).first() is not None


def names_image(tx: Transaction, archive_digest: str) -> bool:
    """Say whether an algorithm with this image was submitted."""
    named = select(Algorithm.digest).where(Algorithm.archive_digest == archive_digest)
    return tx.scalars(named.limit(1)).first() is not None


def with_rosters(tx: Transaction, roster_digests: Iterable[str]) -> frozenset[str]:
    """Return the algorithm versions on which members of these rosters voted."""
    wanted = tuple(roster_digests)
    return frozenset(tx.scalars(select(Approval.algorithm).where(Approval.roster.in_(wanted))))


def course(tx: Transaction, digest: str) -> ReviewCourse:
    """Return a version's course."""
    return tx.get_one(ReviewCourse, digest)


def courses(tx: Transaction, algorithms: Iterable[str]) -> dict[str, ReviewCourse]:
    """Return the courses of these versions."""
    rows = tx.scalars(select(ReviewCourse).where(ReviewCourse.algorithm.in_(tuple(algorithms))))
    return {row.algorithm: row for row in rows}


def in_states(tx: Transaction, states: Iterable[str]) -> Sequence[Algorithm]:
    """Return the versions that stand in one of these states, oldest first."""
    return tx.scalars(select(Algorithm).where(Algorithm.state.in_(tuple(states))).order_by(Algorithm.sequence)).all()


def of_image(tx: Transaction, archive_digest: str) -> tuple[str, ...]:
    """Return the versions that run this image."""
    return tuple(tx.scalars(select(Algorithm.digest).where(Algorithm.archive_digest == archive_digest)))


def page_in(tx: Transaction, states: Iterable[str], *, after: int, limit: int) -> Sequence[Algorithm]:
    """Return one page of the versions that stand in one of these states, oldest first."""
    those = select(Algorithm).where(Algorithm.state.in_(tuple(states)), Algorithm.sequence > after)
    return tx.scalars(those.order_by(Algorithm.sequence).limit(limit)).all()


def archives(tx: Transaction, states: Iterable[str]) -> Sequence[str]:
    """Return the archives that versions in one of these states run, each once."""
    named = select(Algorithm.archive_digest).where(
        Algorithm.archive_digest != NO_IMAGE, Algorithm.state.in_(tuple(states))
    )
    return tx.scalars(named.distinct().order_by(Algorithm.archive_digest)).all()


def last_approved(tx: Transaction, algorithms: Iterable[str]) -> str | None:
    """Return which of these versions was approved last, whatever became of it."""
    verbs = ("review.approved", "review.approved_with_conditions")
    theirs = select(Event.subject).where(Event.subject.in_(tuple(algorithms)), Event.verb.in_(verbs))
    return tx.scalars(theirs.order_by(Event.sequence.desc()).limit(1)).first()
