"""What a registry asks an office to sign when it revokes a version, checked from the trust root that the office pinned.

A status says everything that is revoked: what a registry left out of it would count again. Each step raises:

1. the statement is a status of this office, and the version is revoked by its digest;
2. it follows the office's newest status, whose signature is checked: its version is the next one, and everything that
   was revoked stays revoked;
3. this version, and nothing else, is revoked in addition. A registry that hides a newer status gains nothing: nodes
   refuse a number that they have seen.
4. it begins now: nobody signs a status that was prepared long ago.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from client.proposal import several, text, unsigned
from protocol.crypto.encoding import decode_base64
from protocol.crypto.keys import PublicKey
from protocol.documents.algorithm import Algorithm
from protocol.documents.envelope import Claim, Envelope, read_claim, write_envelope
from protocol.documents.signature import Signature
from protocol.documents.status import Status
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused
from protocol.trust.memory import Memory
from protocol.trust.root import check_live, office_keys

FRESH: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A status that was checked and is not signed yet. `checks` says for people what was found to hold."""

    envelope: Envelope
    status: Status
    keys: tuple[PublicKey, ...]
    checks: tuple[str, ...]

    def signed(self, signature: Signature) -> bytes:
        """Return the envelope with a signature on it, once that is the office's own over exactly these bytes."""
        raw = write_envelope(self.envelope.payload, [signature])
        read_claim(raw, Status).checked(self.keys)
        return raw


def check_revocation(untrusted: Mapping[str, Any], root: TrustRoot, office: str, now: datetime) -> Revocation:
    """Return the revocation of a registry's answer (`GET /decisions/{code}`), or raise Refused with what is wrong."""
    check_live(root, now, Memory())
    envelope = unsigned(decode_base64(text(untrusted, "statement")))
    status = envelope.untrusted(Status)
    if status.office != office:
        raise Refused("status-other-office", f"The status is {status.office}'s; you are {office}. Do not sign it.")
    algorithm = read_claim(text(untrusted, "algorithm").encode(), Algorithm)
    keys = office_keys(root, office)
    newest = _newest([read_claim(raw, Status) for raw in several(untrusted, "statuses")], office, keys)
    _check_follows(status, newest, algorithm.digest)
    if not now - FRESH <= status.issued <= now + FRESH:
        raise Refused("status-stale", "The status was prepared too long ago. Undo it on the page and prepare it anew.")
    named = algorithm.untrusted
    return Revocation(
        envelope=envelope,
        status=status,
        keys=keys,
        checks=(
            f"It revokes {named.name} {named.version} by {named.author}, {algorithm.digest}, for good.",
            f"It follows your status version {newest.version}, and all that was revoked stays revoked.",
            f"It revokes nothing else, and lives until {status.expires:%Y-%m-%d %H:%M} UTC.",
        ),
    )


def _newest(claims: list[Claim[Status]], office: str, keys: tuple[PublicKey, ...]) -> Status:
    mine = [claim for claim in claims if claim.untrusted.office == office]
    if not mine:
        sentence = f"The registry shows no status of {office} to follow. Use `safeconduct status issue`."
        raise Refused("status-missing", sentence)
    return max(mine, key=lambda claim: claim.untrusted.version).checked(keys)


def _check_follows(status: Status, newest: Status, algorithm: str) -> None:
    wanted = newest.revoked.model_copy(
        update={"algorithms": tuple(sorted({*newest.revoked.algorithms, algorithm}))},
    )
    if status.version != newest.version + 1 or status.revoked != wanted:
        sentence = "The status is not your newest one with this version more; do not sign it, distrust the registry."
        raise Refused("status-other", sentence)
