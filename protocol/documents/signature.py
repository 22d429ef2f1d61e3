"""A signature as documents carry it: by a key in a file, or by a passkey with the words that it signed.

What is signed is always DSSE's pre-authentication encoding, so that a signature of one kind of thing never passes for
one of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints

from protocol.crypto.encoding import decode_base64, encode_base64
from protocol.crypto.keys import PublicKey
from protocol.documents.fields import Digest, Record
from protocol.documents.passkey import PasskeyAssertion, PasskeyOrigin, PasskeyWords, check_passkey, vote_challenge
from protocol.documents.strict import build
from protocol.errors import Refused


class SignatureEntry(Record):
    """A signature on the wire, in base64."""

    keyid: Digest
    sig: Annotated[str, StringConstraints(max_length=1000)]
    webauthn: PasskeyWords | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature and the key id that it claims; a passkey's comes with what the passkey signed."""

    keyid: str
    sig: bytes
    passkey: PasskeyAssertion | None = None

    def to_entry(self) -> SignatureEntry:
        """The signature as a document carries it; refuses (``document-malformed``) what is too long to be one."""
        entry = {"keyid": self.keyid, "sig": encode_base64(self.sig), "webauthn": _words(self.passkey)}
        return build(SignatureEntry, entry)


def read_signature(entry: SignatureEntry) -> Signature:
    """The bytes of a signature; nothing in it is checked."""
    sig = decode_base64(entry.sig)
    if entry.webauthn is None:
        return Signature(keyid=entry.keyid, sig=sig)
    words = (decode_base64(entry.webauthn.authenticatorData), decode_base64(entry.webauthn.clientDataJSON))
    passkey = PasskeyAssertion(authenticator_data=words[0], client_data=words[1], signature=sig)
    return Signature(keyid=entry.keyid, sig=sig, passkey=passkey)


def _words(passkey: PasskeyAssertion | None) -> dict[str, str] | None:
    if passkey is None:
        return None
    return {
        "authenticatorData": encode_base64(passkey.authenticator_data),
        "clientDataJSON": encode_base64(passkey.client_data),
    }


def check_plain(signature: Signature, key: PublicKey, signed_bytes: bytes) -> None:
    """Refuse (``key-scheme``, ``signature-invalid``) unless ``key``, in a file, signed exactly these bytes."""
    if signature.passkey is not None and key.scheme != "webauthn":
        raise Refused("key-scheme", "A passkey's words came with the signature of a key in a file; sign again.")
    key.verify(signature.sig, signed_bytes)


def check_signature(
    signature: Signature, key: PublicKey, signed_bytes: bytes, origins: Sequence[PasskeyOrigin]
) -> PasskeyOrigin | None:
    """Refuse unless ``key``, in a file or a passkey, signed exactly these bytes; the page on which a passkey did."""
    if key.scheme != "webauthn":
        check_plain(signature, key, signed_bytes)
        return None
    if signature.passkey is None:
        raise Refused("key-scheme", "The key is a passkey, and only its bare signature came; sign again.")
    return check_passkey(signature.passkey, key, vote_challenge(signed_bytes), origins)


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """``DSSEv1 SP len(type) SP type SP len(payload) SP payload`` (DSSE, protocol)."""
    return b"DSSEv1 %d %b %d %b" % (len(payload_type), payload_type.encode(), len(payload), payload)
