"""What came back: a receipt that the node signed, and a release that only the recipient can read.

The client believes in this order, and never skips one: the receipt's signature under an accredited node key that no
status revokes; the digest of the ciphertext that the receipt binds; the seal, bound to the order; the release's own
words against the receipt's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from protocol.crypto import hpke
from protocol.crypto.digest import sha256_hex
from protocol.crypto.keys import PublicKey
from protocol.documents.accreditation import Accreditation
from protocol.documents.envelope import Claim, read_claim
from protocol.documents.limits import CLOCK_SKEW
from protocol.documents.receipt import Receipt
from protocol.documents.release import Release, read_release
from protocol.documents.status import Status
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused
from protocol.trust.offices import Accredited, check_valid, find_accredited, standing_at

NODE = "node"
_INFO = b"safeconduct-release-v1\x00"


def verify_receipt(
    untrusted: bytes,
    *,
    accreditations: Iterable[bytes],
    statuses: Iterable[bytes],
    trust_root: TrustRoot,
    now: datetime | None = None,
    order_id: str | None = None,
    live: bool = False,
) -> Receipt:
    """The receipt, if a node accredited at the moment of issue signed it, and no status revokes that node or its key.

    Of the node's office the newest of ``statuses`` decides, also about receipts from before it: a stolen key could
    write any date. It must have lived when the receipt was issued or later; with ``live``, it must be alive now.
    ``order_id`` is the order that the receipt must answer. Refuses ``accreditation-missing``,
    ``accreditation-expired``, ``receipt-signature``, ``status-missing``, ``status-stale``, ``node-revoked``,
    ``key-revoked``, ``receipt-future`` or ``receipt-other-order``.
    """
    claim = read_claim(untrusted, Receipt)
    known = [read_claim(raw, Accreditation) for raw in accreditations]
    node = find_accredited(known, trust_root, claim.untrusted.node, "node", claim.envelope, claim.untrusted.issued)
    receipt, keys = _check_signed(claim, node)
    check_valid(node, NODE, receipt.issued)
    if now is not None and receipt.issued > now + CLOCK_SKEW:
        raise Refused("receipt-future", "The receipt was issued later than now; set the clock right and look again.")
    _check_standing(receipt, keys, node, [read_claim(raw, Status) for raw in statuses], trust_root, now, live=live)
    if order_id is not None and receipt.order != order_id:
        raise Refused("receipt-other-order", "The receipt answers another order; ask for the one of this order.")
    return receipt


def _check_signed(claim: Claim[Receipt], node: Accredited) -> tuple[Receipt, tuple[PublicKey, ...]]:
    try:
        keys = claim.envelope.check_signed(node.keys)
    except Refused as error:
        sentence = f"The receipt is not signed by {node.document.subject}; ask that node's holder for it."
        raise Refused("receipt-signature", sentence) from error
    return claim.untrusted, keys


def _check_standing(
    receipt: Receipt,
    keys: Iterable[PublicKey],
    node: Accredited,
    statuses: Sequence[Claim[Status]],
    root: TrustRoot,
    now: datetime | None,
    *,
    live: bool,
) -> None:
    moment = now if live and now is not None else receipt.issued
    standing = standing_at(statuses, root, node.document.office, moment, now)
    standing.check_node(receipt.node)
    for key in keys:
        standing.check_key(key.keyid)


def seal_release(release: Release, recipient: bytes) -> bytes:
    """The release as ciphertext for ``recipient``, of a length that follows from the spec alone."""
    padded = hpke.pad(release.to_bytes(), release.padded_length())
    return hpke.seal(padded, recipient, _info(release.order))


def open_release(ciphertext: bytes, receipt: Receipt, recipient_key: hpke.RecipientKey) -> Release:
    """The release, if it is the one that the verified ``receipt`` binds and says nothing that the receipt denies.

    Refuses ``release-none``, ``release-digest``, ``seal-broken`` or ``release-other``.
    """
    if receipt.release_digest is None:
        raise Refused("release-none", f"The receipt says {receipt.decision}, so there is no release: {receipt.reason}")
    if sha256_hex(ciphertext) != receipt.release_digest:
        raise Refused("release-digest", "The release is not the one that the receipt binds; fetch it again.")
    release = read_release(hpke.unpad(hpke.open_sealed(ciphertext, recipient_key, _info(receipt.order))))
    said = (release.order, release.node, release.dataset, release.rho_nano, release.timing, release.profile)
    if said != (
        receipt.order,
        receipt.node,
        receipt.dataset,
        receipt.rho_charged_nano,
        receipt.timing,
        receipt.profile,
    ):
        raise Refused("release-other", "The release does not say what its receipt says; ask the node's holder why.")
    return release


def _info(order_id: str) -> bytes:
    """What binds the seal to one order: HPKE's ``info``."""
    return _INFO + bytes.fromhex(order_id)
