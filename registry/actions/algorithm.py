"""Submit an algorithm version for review."""

from datetime import datetime

from protocol.documents.algorithm import Algorithm
from protocol.documents.envelope import read_envelope
from registry.actions import course, identity, publish
from registry.actions.desk import Desk
from registry.domain.review import ReviewState
from registry.errors import Conflict, Unbelievable
from registry.store import review, tables
from registry.store.base import Transaction


def publish_algorithm(desk: Desk, untrusted: bytes, now: datetime) -> publish.Published:
    """Accept an algorithm signed by its author, an accredited researcher.

    A name belongs to its first author, and a version's content never changes.
    """
    envelope = read_envelope(untrusted)
    claimed = envelope.untrusted(Algorithm)
    with desk.store.transaction() as tx:
        if done := publish.known(tx, envelope):
            return done
        author = identity.signer(tx, claimed.author, "person", now)
        envelope.check_signed(author.keys)
        if "researcher" not in author.caller.roles:
            raise Unbelievable("author-not-researcher", f"{claimed.author} is not accredited as a researcher.")
        _check_name(tx, claimed)
        published = publish.keep(tx, envelope, claimed.KIND, claimed.author, now)
        row = _row(claimed, envelope.digest, now)
        tx.add(row)
        tx.flush()
        course.begin(tx, desk, row, now)
        return published


def _check_name(tx: Transaction, claimed: Algorithm) -> None:
    for other in review.versions(tx, claimed.name):
        if other.author != claimed.author:
            raise Conflict(
                "algorithm-name-taken", f"The name {claimed.name} belongs to another author. Choose another."
            )
        if other.version == claimed.version:
            raise Conflict(
                "algorithm-version-taken",
                f"{claimed.name} {claimed.version} is here with other content. Any change is a new version.",
            )


def _row(claimed: Algorithm, digest: str, now: datetime) -> tables.Algorithm:
    return tables.Algorithm(
        digest=digest,
        name=claimed.name,
        version=claimed.version,
        author=claimed.author,
        summary=claimed.summary,
        mode=claimed.mode,
        archive_digest=claimed.image.archive_digest if claimed.image else tables.NO_IMAGE,
        state=ReviewState.DRAFT.value,
        changed=now,
    )
