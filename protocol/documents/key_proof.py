"""Proof that whoever is to be known by a key holds it: without one, somebody else's key could be claimed as one's own.

The key signs, under a payload type of its own, for whom and before which office it is to stand. The proof travels in
the accreditation or roster, so that anybody can check it; the office does before it signs, and the registry before it
takes the document. What a node believes is the office's signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import model_validator

from protocol.crypto.keys import Signer
from protocol.documents.fields import Items, Record, Slug, Some
from protocol.documents.key import Key, check_distinct
from protocol.documents.passkey import PasskeyOrigin
from protocol.documents.signature import (
    Signature,
    SignatureEntry,
    check_signature,
    pre_authentication_encoding,
    read_signature,
)
from protocol.documents.strict import build, canonical, parse_object
from protocol.errors import Refused

PROOF_TYPE = "application/vnd.safeconduct.key-proof.v1+json"
REQUEST_BYTES = 64 * 1024


class KeyRequest(Record):
    """What somebody hands to an office so that it can say who they are: their keys, each proved."""

    subject: Slug
    office: Slug
    keys: Some[Key]
    proofs: Items[SignatureEntry]

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_distinct(self.keys)
        return self


def proof_bytes(keyid: str, subject: str, office: str) -> bytes:
    """What a key signs in order to stand for ``subject`` before ``office``."""
    return pre_authentication_encoding(PROOF_TYPE, canonical({"keyid": keyid, "office": office, "subject": subject}))


def prove(key: Signer, subject: str, office: str) -> SignatureEntry:
    """The proof of a key that is in the signer's hands."""
    keyid = key.public.keyid
    return Signature(keyid=keyid, sig=key.sign(proof_bytes(keyid, subject, office))).to_entry()


def make_request(keys: Sequence[Signer], subject: str, office: str) -> KeyRequest:
    """The request for ``subject`` to be known by these keys."""
    entries = [Key.of(key.public) for key in keys]
    proofs = [prove(key, subject, office) for key in keys]
    return KeyRequest(subject=subject, office=office, keys=tuple(entries), proofs=tuple(proofs))


def read_request(untrusted: bytes, pages: Sequence[PasskeyOrigin] = ()) -> KeyRequest:
    """A request in which every key is proved; passkeys on one of ``pages``."""
    request = build(KeyRequest, parse_object(untrusted, REQUEST_BYTES))
    check_proved(request.keys, request.proofs, request.subject, request.office, pages)
    return request


def check_proved(
    keys: Iterable[Key],
    proofs: Iterable[SignatureEntry],
    subject: str,
    office: str,
    pages: Sequence[PasskeyOrigin] = (),
) -> None:
    """Refuse (``key-unproved``) unless each of ``keys`` signed that it stands for ``subject`` before ``office``."""
    brought = {proof.keyid: proof for proof in proofs}
    for key in keys:
        proof = brought.get(key.keyid)
        if proof is None:
            raise _unproved(subject)
        try:
            check_signature(read_signature(proof), key.to_public(), proof_bytes(key.keyid, subject, office), pages)
        except Refused as error:
            raise _unproved(subject) from error


def _unproved(subject: str) -> Refused:
    sentence = f"A key of {subject} is not proved to be theirs; have them make a request with `safeconduct key prove`."
    return Refused("key-unproved", sentence)
