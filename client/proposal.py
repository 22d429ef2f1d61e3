"""What a registry asks a committee member to sign, checked from the trust root that the member pinned.

A registry prepares the statement, so it is the last to be believed about it. Each step raises:

1. the statement is an approval, read as strictly as a node reads it, by this member, for a committee of this roster;
2. every office's status is signed, live, and revokes none of what follows;
3. the algorithm is the one that the statement names, signed by its author, whom an office accredits as a researcher;
4. its image is named by all of its digests, or there is none;
5. the roster is the one that the statement names, signed by the committee's office, in force, and seats this member
   with one key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from protocol.crypto.digest import sha256_hex
from protocol.crypto.encoding import decode_base64
from protocol.crypto.keys import PublicKey
from protocol.documents.accreditation import Accreditation
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.envelope import Claim, Envelope, read_claim, write_envelope
from protocol.documents.passkey import PasskeyOrigin, vote_challenge
from protocol.documents.roster import Member, Roster
from protocol.documents.signature import Signature
from protocol.documents.status import Status
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused
from protocol.trust.memory import Memory
from protocol.trust.offices import Accredited, Standing, check_valid, find_accredited, live_standing
from protocol.trust.root import check_live, office_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A statement that was checked and is not signed yet. `checks` says for people what was found to hold."""

    envelope: Envelope
    approval: Approval
    algorithm: Algorithm
    member: Member
    checks: tuple[str, ...]

    @property
    def key(self) -> PublicKey:
        """The one key with which the roster lets this member sign."""
        return self.member.key.to_public()

    @property
    def challenge(self) -> bytes:
        """What a passkey is to sign."""
        return vote_challenge(self.envelope.signed_bytes)

    def signed(self, signature: Signature, pages: tuple[PasskeyOrigin, ...] = ()) -> bytes:
        """Return the envelope with a signature on it, once that is the member's own over exactly these bytes."""
        raw = write_envelope(self.envelope.payload, [signature])
        read_claim(raw, Approval).checked_by(self.key, pages)
        return raw


def check_proposal(untrusted: Mapping[str, Any], root: TrustRoot, person: str, now: datetime) -> Proposal:
    """Return the proposal of a registry's answer (`GET /decisions/{code}`), or raise Refused with what is wrong."""
    check_live(root, now, Memory())
    envelope = unsigned(decode_base64(text(untrusted, "statement")))
    approval = envelope.untrusted(Approval)
    algorithm = read_claim(text(untrusted, "algorithm").encode(), Algorithm)
    roster = read_claim(text(untrusted, "roster").encode(), Roster)
    author = _author(untrusted, algorithm, root)
    offices = {author.document.office, roster.untrusted.office}
    statuses = [read_claim(raw, Status) for raw in several(untrusted, "statuses")]
    standing = live_standing(statuses, root, offices, now, Memory())
    _check_algorithm(algorithm, approval, author, standing, now)
    member = _check_member(roster, approval, person, root, standing, now)
    return Proposal(
        envelope=envelope,
        approval=approval,
        algorithm=algorithm.untrusted,
        member=member,
        checks=_checks(algorithm.untrusted, author, roster.untrusted, member, standing),
    )


def unsigned(payload: bytes) -> Envelope:
    """Return a statement as an envelope that nobody has signed yet."""
    return Envelope(raw=b"", payload=payload, signatures=(), digest=sha256_hex(payload))


def _author(untrusted: Mapping[str, Any], algorithm: Claim[Algorithm], root: TrustRoot) -> Accredited:
    claims = [read_claim(raw, Accreditation) for raw in several(untrusted, "accreditations")]
    return find_accredited(claims, root, algorithm.untrusted.author, "person", algorithm.envelope)


def _check_algorithm(
    claim: Claim[Algorithm], approval: Approval, author: Accredited, standing: Standing, now: datetime
) -> None:
    if claim.digest != approval.algorithm:
        raise Refused("document-other", "The statement is about another algorithm than the one shown; do not sign it.")
    check_valid(author, "researcher", now)
    standing.check_signer(author.document.subject, claim.envelope.check_signed(author.keys))
    standing.check_algorithm(claim.digest)


def _check_member(
    claim: Claim[Roster], approval: Approval, person: str, root: TrustRoot, standing: Standing, now: datetime
) -> Member:
    roster = claim.checked(office_keys(root, claim.untrusted.office))
    if claim.digest != approval.roster or roster.committee != approval.committee:
        raise Refused("document-other", "The statement is for another roster than the one shown; do not sign it.")
    standing.check_roster(claim.digest)
    if now >= roster.expires:
        raise Refused("roster-expired", f"The roster of {roster.committee} has expired; ask {roster.office} for one.")
    member = roster.member(person)
    if member is None or approval.member != person:
        raise Refused(
            "approval-not-member", f"The statement is by {approval.member}; you are {person}. Do not sign it."
        )
    standing.check_signer(person, [member.key.to_public()])
    return member


def _checks(
    algorithm: Algorithm, author: Accredited, roster: Roster, member: Member, standing: Standing
) -> tuple[str, ...]:
    who = author.document
    image = algorithm.image
    runs = f"the image with archive {image.archive_digest} and {len(image.layers)} layers" if image else "no image"
    known = f"{who.subject} is {who.name} of {who.institution} ({who.country}), accredited as a researcher by"
    seated = f"is signed by {roster.office}, and seats {member.person} of {member.institution}"
    return (
        f"The algorithm {algorithm.name} {algorithm.version} is signed by {who.subject}.",
        f"{known} {who.office} until {who.valid_until:%Y-%m-%d}.",
        f"It runs {runs}.",
        f"The roster of {roster.committee}, version {roster.version}, {seated}.",
        f"Nothing of this is revoked: status of {standing.described}.",
    )


def text(untrusted: Mapping[str, Any], name: str) -> str:
    """Return a text of a registry's answer, or refuse an answer without it."""
    found = untrusted.get(name)
    if not isinstance(found, str):
        raise Refused("registry-answer", f"The registry sent no {name}; ask its operator.")
    return found


def several(untrusted: Mapping[str, Any], name: str) -> list[bytes]:
    """Return a list of envelopes of a registry's answer, or refuse an answer without it."""
    found = untrusted.get(name)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Refused("registry-answer", f"The registry sent no {name}; ask its operator.")
    return [each.encode() for each in found]
