"""Checking one document by itself, outside an order: did the right one sign it, and does it live?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from protocol.chain.files import Heap
from protocol.documents.accreditation import Accreditation
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.envelope import Claim
from protocol.documents.fields import Document
from protocol.documents.ledger_restore import LedgerRestore
from protocol.documents.policy import Policy
from protocol.documents.rehearsal import Rehearsal
from protocol.documents.roster import Roster
from protocol.documents.status import Status
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused
from protocol.trust.custodians import open_ledger_restore
from protocol.trust.memory import Memory
from protocol.trust.offices import find_accredited, live_standing
from protocol.trust.quorum import check_signed_by_member, signed_on
from protocol.trust.root import check_live, office_keys, open_policy


def check_lone(heap: Heap, claim: Claim[Document], root: TrustRoot, now: datetime) -> str:
    """What can be said for one document; refuses what is wrong with it. An order alone proves nothing."""
    return _CHECKS[type(claim.untrusted)](heap, claim, root, now)


def _check_root(_heap: Heap, claim: Claim[TrustRoot], root: TrustRoot, now: datetime) -> str:
    if claim.untrusted != root:
        raise Refused("trust-root-fingerprint", "The file is another trust root than the one to judge by.")
    check_live(root, now, Memory())
    return f"It is the trust root to judge by: {root.holder}, version {root.version}."


def _check_accreditation(_heap: Heap, claim: Claim[Accreditation], root: TrustRoot, now: datetime) -> str:
    document = claim.checked(office_keys(root, claim.untrusted.office))
    if now >= document.valid_until:
        raise Refused(
            "accreditation-expired", f"{document.subject} is no longer accredited; ask the office to renew it."
        )
    return f"{document.office} accredits {document.kind} {document.subject} of {document.institution}."


def _check_roster(_heap: Heap, claim: Claim[Roster], root: TrustRoot, now: datetime) -> str:
    document = claim.checked(office_keys(root, claim.untrusted.office))
    if now >= document.expires:
        raise Refused("roster-expired", f"The roster of {document.committee} has expired; ask for a new one.")
    return f"{document.office} names {len(document.members)} member(s) of {document.committee}."


def _check_status(_heap: Heap, claim: Claim[Status], root: TrustRoot, now: datetime) -> str:
    live_standing([claim], root, [claim.untrusted.office], now, Memory())
    return f"The status of {claim.untrusted.office}, version {claim.untrusted.version}, is live."


def _check_algorithm(heap: Heap, claim: Claim[Algorithm], root: TrustRoot, now: datetime) -> str:
    author = find_accredited(heap.of(Accreditation), root, claim.untrusted.author, "person", claim.envelope, now)
    document = claim.checked(author.keys)
    return f"{document.author} signed {document.name} {document.version}. Approval is another matter."


def _check_approval(heap: Heap, claim: Claim[Approval], root: TrustRoot, now: datetime) -> str:
    roster = heap.claims.get(claim.untrusted.roster)
    if roster is None or not isinstance(roster.untrusted, Roster):
        raise Refused("roster-missing", f"The roster that {claim.untrusted.member} signed under is missing; add it.")
    roster.checked(office_keys(root, roster.untrusted.office))
    member = roster.untrusted.member(claim.untrusted.member)
    if member is None:
        raise Refused("approval-not-member", f"{claim.untrusted.member} is not on the roster it names.")
    document, page = claim.untrusted, check_signed_by_member(claim, member, root)
    if now >= document.conditions.expires:
        raise Refused("approval-expired", f"The approval of {document.member} has expired; ask for a new one.")
    return f"{document.member} of {document.committee} decided: {document.decision}{signed_on(page)}."


def _check_policy(_heap: Heap, claim: Claim[Policy], root: TrustRoot, _now: datetime) -> str:
    policy, _ = open_policy(claim.envelope.raw, root, claim.untrusted.node)
    return f"{policy.holder} signed the policy of {policy.node}, version {policy.version}."


def _check_restore(_heap: Heap, claim: Claim[LedgerRestore], root: TrustRoot, _now: datetime) -> str:
    restore, _, persons = open_ledger_restore(claim.envelope.raw, root, claim.untrusted.node)
    count, reserve = len(restore.receipts), restore.reserve_nano
    return f"{' and '.join(persons)} restored the ledger with {count} receipt(s) and {reserve} nano-rho in reserve."


def _check_rehearsal(heap: Heap, claim: Claim[Rehearsal], root: TrustRoot, now: datetime) -> str:
    report = claim.untrusted
    signer = find_accredited(heap.of(Accreditation), root, report.by, report.by_kind, claim.envelope, now)
    claim.checked(signer.keys)
    verdict = "fit to submit" if report.fit else "not fit to submit"
    return f"{report.by} rehearsed {report.name} {report.version} on a synthetic twin and found it {verdict}."


_CHECKS: dict[type[Document], Callable[[Heap, Claim[Any], TrustRoot, datetime], str]] = {
    TrustRoot: _check_root,
    Accreditation: _check_accreditation,
    Roster: _check_roster,
    Status: _check_status,
    Algorithm: _check_algorithm,
    Approval: _check_approval,
    Policy: _check_policy,
    LedgerRestore: _check_restore,
    Rehearsal: _check_rehearsal,
}
