"""What accreditation offices say: who somebody is, and what no longer counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from protocol.crypto.keys import PublicKey
from protocol.documents.accreditation import Accreditation
from protocol.documents.envelope import Claim, Envelope, first_signed
from protocol.documents.limits import CLOCK_SKEW
from protocol.documents.status import Revoked, Status
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused
from protocol.trust.memory import Memory
from protocol.trust.root import office_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Accredited:
    """An accreditation whose office's signature was checked, with its digest."""

    document: Accreditation
    digest: str

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """The accredited keys."""
        return tuple(key.to_public() for key in self.document.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The live statuses of the offices that matter, and all that they revoke together."""

    digests: tuple[str, ...]
    revoked: tuple[Revoked, ...]
    #: The statuses for people: office, version, and until when.
    described: str

    def check_person(self, person: str) -> None:
        """Refuse (``person-revoked``) somebody whose standing was withdrawn."""
        self._check("persons", person, "person-revoked", f"{person} is revoked; ask the accreditation office why.")

    def check_signer(self, person: str, keys: Iterable[PublicKey]) -> None:
        """Refuse a signature of a revoked person, or by a revoked key."""
        self.check_person(person)
        for key in keys:
            self.check_key(key.keyid)

    def check_node(self, node: str) -> None:
        """Refuse (``node-revoked``) a node whose standing was withdrawn."""
        self._check("nodes", node, "node-revoked", f"Node {node} is revoked; ask the accreditation office why.")

    def check_key(self, keyid: str) -> None:
        """Refuse (``key-revoked``) a key that was withdrawn."""
        self._check("keys", keyid, "key-revoked", "A signing key is revoked; sign again with a live one.")

    def check_algorithm(self, digest: str) -> None:
        """Refuse (``algorithm-revoked``) an algorithm that was withdrawn."""
        self._check("algorithms", digest, "algorithm-revoked", "The algorithm is revoked; submit a new version.")

    def check_roster(self, digest: str) -> None:
        """Refuse (``roster-revoked``) a roster that was withdrawn."""
        self._check("rosters", digest, "roster-revoked", "A roster is revoked; have the new one's members approve.")

    def check_approval(self, digest: str) -> None:
        """Refuse (``approval-revoked``) an approval that was withdrawn."""
        self._check("approvals", digest, "approval-revoked", "An approval is revoked; ask the committee why.")

    def _check(
        self,
        what: Literal["persons", "nodes", "keys", "algorithms", "rosters", "approvals"],
        name: str,
        code: str,
        sentence: str,
    ) -> None:
        if any(name in getattr(revoked, what) for revoked in self.revoked):
            raise Refused(code, sentence)


def find_accredited(
    claims: Iterable[Claim[Accreditation]],
    root: TrustRoot,
    subject: str,
    kind: Literal["person", "node"],
    signed: Envelope,
    moment: datetime | None = None,
) -> Accredited:
    """The accreditation, by an office of the root, under which ``subject`` signed a document at a moment.

    Whoever changes keys has several: the one that knows the document's key comes first, then one that was valid at the
    moment, then the one that lives longest; whether it is, remains to be checked. Refuses ``accreditation-missing``, or
    what is wrong with the signature of one that claims to be it.
    """
    about = [claim for claim in claims if claim.untrusted.subject == subject and claim.untrusted.kind == kind]
    if not about:
        raise Refused("accreditation-missing", f"There is no accreditation of {subject}; ask an office to issue one.")
    claimed = {signature.keyid for signature in signed.signatures}
    about.sort(key=lambda claim: _fit(claim.untrusted, claimed, moment), reverse=True)
    found = first_signed(about, lambda document: office_keys(root, document.office))
    return Accredited(document=found.untrusted, digest=found.digest)


def _fit(document: Accreditation, claimed: set[str], moment: datetime | None) -> tuple[bool, bool, datetime]:
    knows = any(key.keyid in claimed for key in document.keys)
    lives = moment is None or document.valid_from - CLOCK_SKEW <= moment < document.valid_until
    return knows, lives, document.valid_until


def check_valid(accredited: Accredited, role: str, now: datetime) -> None:
    """Refuse an accreditation that is not valid at ``now`` or does not give ``role``."""
    document = accredited.document
    if not document.valid_from - CLOCK_SKEW <= now < document.valid_until:
        raise Refused("accreditation-expired", f"{document.subject} is not accredited now; ask the office to renew it.")
    if role not in document.roles:
        raise Refused("accreditation-role", f"{document.subject} is not accredited as {role}; ask the office.")


def live_standing(
    claims: Sequence[Claim[Status]], root: TrustRoot, offices: Iterable[str], now: datetime, memory: Memory
) -> Standing:
    """What the live statuses of all ``offices`` revoke; refuses ``status-missing`` or ``status-stale``.

    Statuses of other offices are left out: whoever is not relied on cannot stop anything.
    """
    latest = [_latest(claims, root, office, now, memory) for office in sorted(set(offices))]
    return _standing(latest)


def standing_at(
    claims: Sequence[Claim[Status]], root: TrustRoot, office: str, moment: datetime, now: datetime | None
) -> Standing:
    """What the newest status of ``office`` revokes, if it lived at a past ``moment`` or later.

    So a document of that moment is judged by all that was brought about its signer, also by what was said afterwards.
    Refuses ``status-missing`` or ``status-stale``.
    """
    latest = _newest(claims, root, office)
    status = latest.untrusted
    if status.expires <= moment or (now is not None and status.issued > now + CLOCK_SKEW):
        raise Refused("status-stale", f"The status of {office} is not of the time in question; add one that is.")
    return _standing([latest])


def _standing(latest: Sequence[Claim[Status]]) -> Standing:
    described = [
        f"{claim.untrusted.office} version {claim.untrusted.version} until {claim.untrusted.expires:%Y-%m-%d %H:%M} UTC"
        for claim in latest
    ]
    return Standing(
        digests=tuple(claim.digest for claim in latest),
        revoked=tuple(claim.untrusted.revoked for claim in latest),
        described=", ".join(described),
    )


def _latest(
    claims: Sequence[Claim[Status]], root: TrustRoot, office: str, now: datetime, memory: Memory
) -> Claim[Status]:
    latest = _newest(claims, root, office)
    status = latest.untrusted
    if status.version < memory.status_versions.get(office, 0):
        raise Refused(
            "status-rollback", f"The status of {office} is older than one seen before; distrust the registry."
        )
    if not status.issued - CLOCK_SKEW <= now < status.expires:
        raise Refused("status-stale", f"The status of {office} is not valid now; wait for a fresh one.")
    return latest


def _newest(claims: Sequence[Claim[Status]], root: TrustRoot, office: str) -> Claim[Status]:
    mine = [claim for claim in claims if claim.untrusted.office == office]
    if not mine:
        raise Refused("status-missing", f"There is no status of {office}; wait until the registry hands one over.")
    keys = office_keys(root, office)
    mine.sort(key=lambda claim: claim.untrusted.version, reverse=True)
    return first_signed(mine, lambda _: keys)
