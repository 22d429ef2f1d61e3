"""A passkey in software: what a browser and its authenticator do together, and every way to do it wrong.

passkey = Authenticator("meri", PAGE)              # its key follows from the name
raw = passkey.sign(world.approval(…))               # the envelope, as a signing page assembles it
raw = passkey.sign(document, user_verified=False)   # as a careless authenticator would
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from factory import private_key

from protocol.crypto.keys import PublicKey
from protocol.documents.envelope import (
    PAYLOAD_TYPE,
    statement_bytes,
    write_envelope,
)
from protocol.documents.fields import Document
from protocol.documents.key import Key
from protocol.documents.passkey import PasskeyAssertion, PasskeyOrigin
from protocol.documents.signature import Signature, pre_authentication_encoding

PAGE = PasskeyOrigin(origin="http://localhost:8765", rp_id="localhost")
REGISTRY_PAGE = PasskeyOrigin(origin="https://registry.example", rp_id="registry.example", registry_page=True)
_P256_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What an assertion is made of; the defaults are right."""

    type: str = "webauthn.get"
    challenge: bytes | None = None
    origin: str | None = None
    cross_origin: bool = False
    more: tuple[tuple[str, Any], ...] = ()
    rp_id: str | None = None
    user_present: bool = True
    user_verified: bool = True
    flags: int = 0
    behind: bytes = b""


class Authenticator:
    """One passkey: ES256 unless told otherwise, its signatures the same in every run (RFC 6979)."""

    def __init__(self, name: str, page: PasskeyOrigin = PAGE, algorithm: str = "es256") -> None:
        self.page = page
        self._seed = hashlib.sha256(f"insecure passkey of {name}".encode()).digest()
        self._ed25519 = private_key(f"passkey of {name}") if algorithm == "eddsa" else None

    @property
    def public(self) -> PublicKey:
        """The credential's public key, as the roster fixes it."""
        if self._ed25519 is not None:
            return PublicKey("webauthn", self._ed25519.public.spki)
        numbers = self._p256.public_key().public_numbers()
        point = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        return PublicKey("webauthn", _P256_PREFIX + point)

    @property
    def entry(self) -> dict[str, Any]:
        """The key as a roster carries it."""
        return Key.of(self.public).model_dump()

    def sign(self, document: Document, **changes: Any) -> bytes:
        """The envelope of a document, signed by this passkey alone; `changes` are those of `Spoken`."""
        payload = statement_bytes(document)
        signed = pre_authentication_encoding(PAYLOAD_TYPE, payload)
        challenge = hashlib.sha256(b"safeconduct-vote-v1" + signed).digest()
        return write_envelope(payload, [self.answer(challenge, **changes)])

    def answer(self, challenge: bytes, /, **changes: Any) -> Signature:
        """This passkey's signature of a challenge."""
        assertion = self.speak(challenge, Spoken(**changes))
        return Signature(keyid=self.public.keyid, sig=assertion.signature, passkey=assertion)

    def speak(self, challenge: bytes, spoken: Spoken) -> PasskeyAssertion:
        """The assertion about a challenge."""
        asked = base64.urlsafe_b64encode(spoken.challenge or challenge).rstrip(b"=").decode()
        said: dict[str, Any] = {"type": spoken.type, "challenge": asked, "origin": spoken.origin or self.page.origin}
        said |= {"crossOrigin": spoken.cross_origin, **dict(spoken.more)}
        client_data = json.dumps(said, separators=(",", ":")).encode()
        flags = spoken.user_present * 0x01 | spoken.user_verified * 0x04 | spoken.flags
        rp_hash = hashlib.sha256((spoken.rp_id or self.page.rp_id).encode()).digest()
        data = rp_hash + bytes([flags]) + (7).to_bytes(4, "big") + spoken.behind
        signature = self._sign(data + hashlib.sha256(client_data).digest())
        return PasskeyAssertion(authenticator_data=data, client_data=client_data, signature=signature)

    def _sign(self, data: bytes) -> bytes:
        if self._ed25519 is not None:
            return self._ed25519.sign(data)
        return self._p256.sign(data, ec.ECDSA(SHA256(), deterministic_signing=True))

    @property
    def _p256(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(int.from_bytes(self._seed, "big"), ec.SECP256R1())
