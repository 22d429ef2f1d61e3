"""Collect approvals, and keep each algorithm's review where its votes put it."""

from dataclasses import dataclass
from datetime import datetime

from protocol.crypto.digest import sha256_hex
from protocol.documents.approval import Approval
from protocol.documents.envelope import Envelope, read_envelope
from protocol.documents.roster import Member, Roster
from protocol.documents.strict import canonical
from registry.actions import accepted, ballots, publish
from registry.actions.desk import Desk
from registry.domain.review import ReviewState, Tally, derive, steps
from registry.errors import Unbelievable
from registry.store import accreditation, document, review, roster, tables
from registry.store.base import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One algorithm version, its votes and where they have led."""

    algorithm: tables.Algorithm
    tallies: tuple[Tally, ...]
    approvals: tuple[tables.Approval, ...]
    image_here: bool


def publish_approval(desk: Desk, untrusted: bytes, now: datetime) -> publish.Published:
    """Accept one committee member's decision, signed with the key that the current roster gives that member."""
    envelope = read_envelope(untrusted)
    claimed = envelope.untrusted(Approval)
    with desk.store.transaction() as tx:
        if done := publish.known(tx, envelope):
            return done
        member = _check_member(tx, claimed, now)
        envelope.check_signed_by(member.key.to_public(), desk.passkey_pages)
        _check_algorithm(tx, claimed)
        published = publish.keep(tx, envelope, claimed.KIND, claimed.member, now)
        tx.add(_row(claimed, envelope))
        tx.flush()
        settle(tx, claimed.algorithm, now)
        return published


def settle(tx: Transaction, algorithm: str, now: datetime) -> None:
    """Move an algorithm's review to where its votes and the revocations put it, one recorded step at a time."""
    row = review.algorithm(tx, algorithm)
    if row is None:
        return
    votes = ballots.load(tx, [row])
    new = derive(ballots.count(votes, row), revoked=algorithm in votes.revoked.algorithms)
    for state in steps(ReviewState(row.state), new):
        document.record(tx, now, "registry", f"review.{state}", algorithm)
        row.state, row.changed = state.value, now


def list_reviews(desk: Desk, *, after: int, limit: int) -> tuple[Review, ...]:
    """Return one page of algorithm versions with their votes."""
    with desk.store.reading() as tx:
        rows = review.page(tx, after=after, limit=limit)
        votes = ballots.load(tx, rows)
    return tuple(
        Review(
            algorithm=row,
            tallies=ballots.count(votes, row),
            approvals=tuple(votes.approvals.get(row.digest, ())),
            image_here=row.archive_digest == tables.NO_IMAGE or desk.blobs.has(row.archive_digest),
        )
        for row in rows
    )


def _check_member(tx: Transaction, claimed: Approval, now: datetime) -> Member:
    row = roster.get(tx, claimed.roster)
    revoked = accreditation.revocations(tx)
    if row is None or row.committee != claimed.committee:
        raise Unbelievable("roster-unknown", "The approval names a roster that is not here. Ask the office for it.")
    newest = roster.newest(tx, row.office, row.committee)
    if row.expires <= now or row.digest in revoked.rosters or newest is None or newest.digest != row.digest:
        raise Unbelievable("roster-superseded", "The approval's roster is not in force any more. Use the current one.")
    (sitting,) = document.envelopes(tx, [row.digest])
    member = accepted.read(sitting, Roster).member(claimed.member)
    if member is None or member.key.keyid in revoked.keys or member.person in revoked.persons:
        raise Unbelievable("member-unknown", f"{claimed.member} does not sit on the committee {claimed.committee}.")
    return member


def _check_algorithm(tx: Transaction, claimed: Approval) -> None:
    row = review.algorithm(tx, claimed.algorithm)
    if row is None:
        raise Unbelievable("algorithm-unknown", "The approval is for an algorithm that is not here.")
    if row.author == claimed.member:
        raise Unbelievable("approval-by-author", "Nobody decides on an algorithm of their own.")


def _row(claimed: Approval, envelope: Envelope) -> tables.Approval:
    bound = {"persons": list(claimed.persons), "conditions": claimed.conditions.model_dump(mode="json")}
    return tables.Approval(
        digest=envelope.digest,
        algorithm=claimed.algorithm,
        roster=claimed.roster,
        committee=claimed.committee,
        member=claimed.member,
        project=claimed.project,
        decision=claimed.decision,
        conflicted=claimed.conflict_of_interest,
        scope=sha256_hex(canonical(bound)),
        signed_at=claimed.signed_at,
    )
