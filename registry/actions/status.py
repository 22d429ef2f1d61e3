"""Take an office's newest word on what is revoked, and let reviews follow it at once."""

from datetime import datetime

from protocol.documents.envelope import read_envelope
from protocol.documents.status import Status
from registry.actions import course, publish
from registry.actions.accreditation import office_keys
from registry.actions.desk import Desk
from registry.domain.standing import Revocations
from registry.errors import Unbelievable
from registry.store import accreditation, document, review_words, tables
from registry.store import review as votes
from registry.store.base import Transaction


def publish_status(desk: Desk, untrusted: bytes, now: datetime) -> publish.Published:
    """Accept an office's next status; a dead one is refused, and so is any step back."""
    envelope = read_envelope(untrusted)
    claimed = envelope.untrusted(Status)
    envelope.check_signed(office_keys(desk, claimed.office))
    if claimed.expires <= now:
        raise Unbelievable("status-stale", "The status has expired. The office must issue a new one.")
    with desk.store.transaction() as tx:
        if done := publish.known(tx, envelope):
            return done
        newest = {row.office: row.version for row in accreditation.newest_statuses(tx)}
        publish.check_version(claimed.KIND, newest.get(claimed.office), claimed.version)
        before = accreditation.revocations(tx)
        published = publish.keep(tx, envelope, claimed.KIND, claimed.office, now)
        tx.add(_row(claimed, envelope.digest))
        review_words.signed(tx, envelope.digest)
        tx.flush()
        for algorithm in sorted(_touched(tx, before, accreditation.revocations(tx))):
            course.settle(tx, desk, algorithm, now)
        return published


def current_statuses(desk: Desk) -> tuple[bytes, ...]:
    """Return each office's newest status."""
    with desk.store.reading() as tx:
        return document.envelopes(tx, [row.digest for row in accreditation.newest_statuses(tx)])


def _touched(tx: Transaction, before: Revocations, after: Revocations) -> frozenset[str]:
    """Return the algorithms whose review may stand elsewhere after the change."""
    return (
        (before.algorithms ^ after.algorithms)
        | votes.with_approvals(tx, before.approvals ^ after.approvals)
        | votes.with_rosters(tx, before.rosters ^ after.rosters)
        | votes.voted_on_by(tx, before.persons ^ after.persons)
    )


def _row(claimed: Status, digest: str) -> tables.Status:
    return tables.Status(
        digest=digest,
        office=claimed.office,
        version=claimed.version,
        expires=claimed.expires,
        revoked=claimed.revoked.model_dump(mode="json"),
    )
