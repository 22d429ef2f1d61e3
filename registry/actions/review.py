"""Collect approvals, and keep each algorithm's review where its votes put it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from protocol.crypto.digest import sha256_hex
from protocol.documents.approval import Approval
from protocol.documents.envelope import Envelope, read_envelope
from protocol.documents.roster import Member, Roster
from protocol.documents.strict import canonical
from registry.actions import publish
from registry.actions.desk import Desk
from registry.domain.review import ReviewState, Rule, Seat, Tally, Vote, derive, steps, tally, voters
from registry.domain.standing import Revocations
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
        envelope.check_signed([member.key.to_public()])
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
    revoked = accreditation.revocations(tx)
    new = derive(_tallies(tx, row, revoked), revoked=algorithm in revoked.algorithms)
    for state in steps(ReviewState(row.state), new):
        document.record(tx, now, "registry", f"review.{state}", algorithm)
        row.state, row.changed = state.value, now


def list_reviews(desk: Desk, *, after: int, limit: int) -> tuple[Review, ...]:
    """Return one page of algorithm versions with their votes."""
    with desk.store.reading() as tx:
        revoked = accreditation.revocations(tx)
        return tuple(_review(tx, desk, row, revoked) for row in review.page(tx, after=after, limit=limit))


def _review(tx: Transaction, desk: Desk, row: tables.Algorithm, revoked: Revocations) -> Review:
    return Review(
        algorithm=row,
        tallies=_tallies(tx, row, revoked),
        approvals=tuple(review.approvals(tx, row.digest)),
        image_here=desk.blobs.has(row.archive_digest),
    )


def _check_member(tx: Transaction, claimed: Approval, now: datetime) -> Member:
    row = roster.get(tx, claimed.roster)
    revoked = accreditation.revocations(tx)
    if row is None or row.committee != claimed.committee:
        raise Unbelievable("roster-unknown", "The approval names a roster that is not here. Ask the office for it.")
    newest = roster.newest(tx, row.office, row.committee)
    if row.expires <= now or row.digest in revoked.rosters or newest is None or newest.digest != row.digest:
        raise Unbelievable("roster-superseded", "The approval's roster is not in force any more. Use the current one.")
    member = _roster(tx, row.digest).member(claimed.member)
    if member is None or member.key.keyid in revoked.keys or member.person in revoked.persons:
        raise Unbelievable("member-unknown", f"{claimed.member} does not sit on the committee {claimed.committee}.")
    return member


def _check_algorithm(tx: Transaction, claimed: Approval) -> None:
    row = review.algorithm(tx, claimed.algorithm)
    if row is None:
        raise Unbelievable("algorithm-unknown", "The approval is for an algorithm that is not here.")
    if row.author == claimed.member:
        raise Unbelievable("approval-by-author", "Nobody decides on an algorithm of their own.")


def _tallies(tx: Transaction, row: tables.Algorithm, revoked: Revocations) -> tuple[Tally, ...]:
    """Count per committee and project, each under the newest roster that anyone voted by."""
    votes = [vote for vote in review.approvals(tx, row.digest) if _counts(vote, revoked)]
    rosters = {found.committee: found for found in _newest(tx, votes)}
    places = sorted({(found.committee, vote.project) for vote in votes for found in rosters.values()})
    return tuple(
        counted
        for committee, project in places
        if (counted := _count(tx, row, rosters[committee], project, votes)) is not None
    )


def _count(
    tx: Transaction, row: tables.Algorithm, sitting: tables.Roster, project: str, votes: list[tables.Approval]
) -> Tally | None:
    mine = [vote for vote in votes if vote.roster == sitting.digest and vote.project == project]
    latest = {vote.member: vote for vote in mine}
    if not latest:
        return None
    return tally(sitting.committee, project, _rule(tx, row, sitting.digest), [_vote(vote) for vote in latest.values()])


def _rule(tx: Transaction, row: tables.Algorithm, roster_digest: str) -> Rule:
    found = _roster(tx, roster_digest)
    author = accreditation.current(tx, row.author)
    excluded = author.institution if author is not None and found.exclude_author_institution else None
    seats = (
        Seat(person=member.person, institution=member.institution, seats=frozenset(member.seats))
        for member in found.members
    )
    return Rule(
        voters=voters(seats, author=row.author, excluded_institution=excluded),
        minimum_approvals=found.minimum_approvals,
        minimum_institutions=found.minimum_institutions,
        seats=frozenset(found.seats),
    )


def _counts(vote: tables.Approval, revoked: Revocations) -> bool:
    return (
        vote.digest not in revoked.approvals
        and vote.member not in revoked.persons
        and vote.roster not in revoked.rosters
    )


def _newest(tx: Transaction, votes: Iterable[tables.Approval]) -> list[tables.Roster]:
    """Return the rosters that were voted by, oldest version first, so that the newest of a committee wins."""
    found = (roster.get(tx, digest) for digest in {vote.roster for vote in votes})
    return sorted((row for row in found if row is not None), key=lambda row: row.version)


def _roster(tx: Transaction, digest: str) -> Roster:
    (envelope,) = document.envelopes(tx, [digest])
    return read_envelope(envelope).untrusted(Roster)


def _vote(row: tables.Approval) -> Vote:
    return Vote(
        member=row.member,
        scope=row.scope,
        approves=row.decision == "approve",
        conflicted=row.conflicted,
    )


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
