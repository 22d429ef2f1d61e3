"""The form of every signed document: a DSSE envelope around an in-toto Statement v1.

1. The exact bytes received are kept, verified and digested; nothing is re-serialised to be checked.
2. payloadType, _type and predicateType must be exactly ours, so that one kind never passes for another.
3. The statement's subjects must be those that follow from the predicate, so that a tool which reads only the
   subjects is not misled.
4. A signature is verified under a key that the caller trusts; the key id only helps to find it.
5. A passkey's signature carries what the passkey was told, and counts only where passkeys may sign (``passkey.py``).

Sources: DSSE 1.0 (protocol and envelope), in-toto attestation framework 1.0 (statement).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field, SkipValidation

from protocol.crypto.digest import sha256_hex
from protocol.crypto.encoding import decode_base64, encode_base64
from protocol.crypto.keys import PublicKey, Signer
from protocol.documents import limits
from protocol.documents.fields import Digest, Document, Record, Some, Subject
from protocol.documents.passkey import PasskeyOrigin
from protocol.documents.signature import (
    Signature,
    SignatureEntry,
    check_plain,
    check_signature,
    pre_authentication_encoding,
    read_signature,
)
from protocol.documents.strict import Json, build, canonical, malformed, parse_object
from protocol.errors import Refused

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"

DocumentT = TypeVar("DocumentT", bound=Document)


class _Dsse(Record):
    payloadType: Literal["application/vnd.in-toto+json"]  # noqa: N815 - the name is DSSE's
    payload: str
    signatures: Annotated[Some[SignatureEntry], Field(max_length=limits.SIGNATURES)]


class _DigestSet(Record):
    sha256: Digest


class _Descriptor(Record):
    name: str
    digest: _DigestSet


class _Statement(Record):
    type_: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Some[_Descriptor]
    predicateType: str  # noqa: N815 - the name is in-toto's
    predicate: Annotated[dict[str, Json], SkipValidation]  # the document's own model checks it


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A document as it was received: nothing in it is verified until ``check_signed`` has returned."""

    raw: bytes
    payload: bytes
    signatures: tuple[Signature, ...]
    digest: str

    def signers(self, keys: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
        """Those of ``keys``, each once, whose signature stands on this envelope.

        Refuses (``signature-invalid``) the whole envelope if a signature claims one of the keys and does not fit.
        """
        known = {key.keyid: key for key in keys}
        claimed = {signature.keyid: signature for signature in self.signatures if signature.keyid in known}
        for keyid, signature in claimed.items():
            check_plain(signature, known[keyid], self.signed_bytes)
        return tuple(known[keyid] for keyid in claimed)

    def check_signed_by(self, key: PublicKey, origins: Sequence[PasskeyOrigin]) -> PasskeyOrigin | None:
        """Refuse unless ``key``, in a file or a passkey, signed this; the page on which a passkey did.

        Refuses ``key-unknown``, ``key-scheme``, ``signature-invalid`` or one of ``passkey-…``.
        """
        signature = next((one for one in self.signatures if one.keyid == key.keyid), None)
        if signature is None:
            raise Refused("key-unknown", "The document lacks its signer's signature; ask for it.")
        return check_signature(signature, key, self.signed_bytes, origins)

    @property
    def signed_bytes(self) -> bytes:
        """DSSE's pre-authentication encoding of the payload: what every signature is over."""
        return pre_authentication_encoding(PAYLOAD_TYPE, self.payload)

    def check_signed(self, keys: Iterable[PublicKey], threshold: int = 1) -> tuple[PublicKey, ...]:
        """Those of ``keys`` that signed this, at least ``threshold`` of them.

        Refuses ``key-unknown`` or ``signature-invalid``.
        """
        signers = self.signers(keys)
        if len(signers) < max(threshold, 1):
            sentence = "The document lacks a signature by a key that we know; ask its signer to sign it."
            raise Refused("key-unknown", sentence)
        return signers

    def untrusted(self, model: type[DocumentT]) -> DocumentT:
        """What the payload claims, parsed strictly as ``model``. Believe it only after ``check_signed``."""
        statement = build(_Statement, parse_object(self.payload))
        if statement.predicateType != predicate_type(model):
            raise Refused("document-kind", f"The document is not of the kind {model.KIND}; send the right one.")
        document = build(model, statement.predicate)
        claimed = tuple(Subject(name=one.name, sha256=one.digest.sha256) for one in statement.subject)
        if claimed != document.subjects():
            raise Refused("document-subject", "The statement's subjects are not those of its predicate; sign it again.")
        return document

    @property
    def untrusted_kind(self) -> str:
        """The last word of the predicate type that the payload claims, such as ``approval``."""
        statement = build(_Statement, parse_object(self.payload))
        prefix, _, rest = statement.predicateType.partition("urn:safeconduct:")
        kind, _, version = rest.partition(":")
        if prefix or version != "v1":
            raise Refused("document-kind", "The document is none of ours; send a Safeconduct document.")
        return kind


def predicate_type(model: type[Document]) -> str:
    """The predicate type of a kind of document."""
    return f"urn:safeconduct:{model.KIND}:v1"


def read_envelope(untrusted: bytes, limit: int = limits.DOCUMENT_BYTES) -> Envelope:
    """An envelope from at most ``limit`` bytes; its form is checked, its signatures are not."""
    dsse = build(_Dsse, parse_object(untrusted, limit))
    payload = decode_base64(dsse.payload)
    signatures = tuple(read_signature(one) for one in dsse.signatures)
    if len({signature.keyid for signature in signatures}) != len(signatures):
        raise malformed("one key id signs twice")
    return Envelope(raw=untrusted, payload=payload, signatures=signatures, digest=sha256_hex(payload))


def sign_statement(document: Document, keys: Sequence[Signer]) -> bytes:
    """The envelope, as JSON bytes, of ``document`` signed by every one of ``keys``."""
    payload = statement_bytes(document)
    signed = pre_authentication_encoding(PAYLOAD_TYPE, payload)
    raw = write_envelope(payload, [Signature(keyid=key.public.keyid, sig=key.sign(signed)) for key in keys])
    read_envelope(raw).untrusted(type(document))  # what we sign must be what everybody reads
    return raw


def write_envelope(payload: bytes, signatures: Iterable[Signature]) -> bytes:
    """The envelope, as JSON bytes, of a payload and what was signed over it; nothing is checked here."""
    entries = [one.to_entry().model_dump(mode="json", exclude_none=True) for one in signatures]
    return canonical({"payload": encode_base64(payload), "payloadType": PAYLOAD_TYPE, "signatures": entries})


def statement_bytes(document: Document) -> bytes:
    """The in-toto statement about ``document``: the payload of its envelope."""
    subjects = [{"name": one.name, "digest": {"sha256": one.sha256}} for one in document.subjects()]
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": predicate_type(type(document)),
            "predicate": document.model_dump(mode="json"),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Generic[DocumentT]):
    """A document that was read and parsed, but that nobody has vouched for yet."""

    envelope: Envelope
    untrusted: DocumentT

    @property
    def digest(self) -> str:
        """The digest of the payload: the document's name for ever."""
        return self.envelope.digest

    def checked(self, keys: Iterable[PublicKey], threshold: int = 1) -> DocumentT:
        """The document, once ``threshold`` distinct ``keys`` are seen to have signed exactly these bytes."""
        self.envelope.check_signed(keys, threshold)
        return self.untrusted

    def checked_by(self, key: PublicKey, origins: Sequence[PasskeyOrigin]) -> PasskeyOrigin | None:
        """The page on which the holder of ``key`` signed exactly these bytes; none for a key in a file."""
        return self.envelope.check_signed_by(key, origins)


def read_claim(untrusted: bytes, model: type[DocumentT], limit: int = limits.DOCUMENT_BYTES) -> Claim[DocumentT]:
    """Read an envelope that should hold a ``model``; its form is checked, its signatures are not."""
    envelope = read_envelope(untrusted, limit)
    return Claim(envelope=envelope, untrusted=envelope.untrusted(model))


def first_signed(
    claims: Sequence[Claim[DocumentT]], keys: Callable[[DocumentT], Iterable[PublicKey]]
) -> Claim[DocumentT]:
    """The first of ``claims`` (one at least) that its ``keys`` signed; if none is, the first one's refusal.

    So a forgery laid beside a true document does not hide it.
    """
    refusals = []
    for claim in claims:
        try:
            claim.checked(keys(claim.untrusted))
        except Refused as refusal:
            refusals.append(refusal)
        else:
            return claim
    raise refusals[0]
