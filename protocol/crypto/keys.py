"""Signing keys: Ed25519 and ECDSA on P-256, each with its one fixed scheme: in a file, or in a passkey.

1. A public key is its SubjectPublicKeyInfo in the only DER form that its scheme allows, so that one key has one id.
2. Weak and foreign points are refused before OpenSSL sees them.
3. A signature is checked under the scheme of the key, never under one that the signed document names. What a passkey
   signed is never taken for what a key in a file signed, nor the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, Protocol

from protocol.crypto import pkcs8
from protocol.crypto.digest import sha256_hex
from protocol.crypto.ed25519 import check_point
from protocol.errors import Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Algorithm = Literal["ed25519", "ecdsa-p256"]
#: How a key signs: the bytes themselves with its one algorithm, or, as a passkey, WebAuthn's assertion about them.
Scheme = Literal["ed25519", "ecdsa-p256", "webauthn"]

#: DER up to the key's own bytes (RFC 8410 section 4; RFC 5480 section 2, uncompressed point).
_SPKI_PREFIX: dict[Algorithm, bytes] = {
    "ed25519": bytes.fromhex("302a300506032b6570032100"),
    "ecdsa-p256": bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
}
_RAW_BYTES: dict[Algorithm, int] = {"ed25519": 32, "ecdsa-p256": 64}


class Signer(Protocol):
    """Whatever can sign: a key in memory, a token, a hardware module."""

    @property
    def public(self) -> PublicKey: ...

    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key with its one scheme. A passkey's algorithm is that of its point: EdDSA, or ES256.

    Raises Refused ``key-malformed`` for anything but the scheme's only SPKI form, and ``key-weak`` for Ed25519 keys
    of small order or in a second spelling.
    """

    scheme: Scheme
    spki: bytes

    def __post_init__(self) -> None:
        _check_spki(self.scheme, self.spki)

    @property
    def algorithm(self) -> Algorithm:
        """What the key computes, whatever it is kept in."""
        return "ed25519" if self.spki.startswith(_SPKI_PREFIX["ed25519"]) else "ecdsa-p256"

    @property
    def keyid(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo, in hexadecimal."""
        return sha256_hex(self.spki)

    @property
    def raw(self) -> bytes:
        """The key's own bytes: 32 of Ed25519, 64 (x, y) of P-256."""
        return self.spki[-_RAW_BYTES[self.algorithm] :]

    def to_pem(self) -> bytes:
        """The key as openssl reads it (``-----BEGIN PUBLIC KEY-----``)."""
        return pkcs8.armour("PUBLIC KEY", self.spki)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Refuse (``signature-invalid``) unless ``signature`` is this key's signature of exactly ``data``.

        A passkey signs no data as it stands: refused, ``key-scheme``.
        """
        if self.scheme == "webauthn":
            raise Refused("key-scheme", "The key is a passkey, which signs approvals only; sign with a key in a file.")
        self._verify(signature, data)

    def verify_passkey(self, signature: bytes, data: bytes) -> None:
        """Like ``verify``, for the ``data`` that a passkey signs; refuses (``key-scheme``) keys that are none."""
        if self.scheme != "webauthn":
            raise Refused("key-scheme", "The key is no passkey, and a passkey's assertion came with it; sign again.")
        self._verify(signature, data)

    def _verify(self, signature: bytes, data: bytes) -> None:
        from cryptography.exceptions import InvalidSignature

        try:
            if self.algorithm == "ed25519":
                _load_ed25519(self.raw).verify(signature, data)
            else:
                _load_p256(self.raw).verify(signature, data, _ecdsa())
        except InvalidSignature as error:
            raise Refused("signature-invalid", "A signature does not fit; ask its signer to sign again.") from error


@dataclass(frozen=True, slots=True, repr=False)
class PrivateKey:
    """A signing key held in memory; never shown by ``repr``."""

    _key: Ed25519PrivateKey | EllipticCurvePrivateKey

    @classmethod
    def generate_ed25519(cls) -> PrivateKey:
        """A fresh Ed25519 key from the operating system's randomness."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def generate_p256(cls) -> PrivateKey:
        """A fresh P-256 key from the operating system's randomness."""
        from cryptography.hazmat.primitives.asymmetric import ec

        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_seed(cls, seed: bytes) -> PrivateKey:
        """The Ed25519 key of a 32-byte seed, for keys that live in other stores and for reproducible vectors."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public(self) -> PublicKey:
        """The public half."""
        from cryptography.hazmat.primitives import serialization as form

        spki = self._key.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
        return PublicKey("ed25519" if len(spki) == 44 else "ecdsa-p256", spki)  # 12 + 32 against 27 + 64 bytes

    def sign(self, data: bytes) -> bytes:
        """The signature of ``data``: 64 bytes of Ed25519, or DER of ECDSA with SHA-256."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(data)
        return self._key.sign(data, _ecdsa())

    def to_pem(self, passphrase: bytes | None) -> bytes:
        """PKCS#8 in PEM; encrypted under scrypt and AES-256-CBC when there is a passphrase."""
        from cryptography.hazmat.primitives import serialization as form

        plain = self._key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
        return pkcs8.to_pem(plain, passphrase)


def load_private(pem: bytes, passphrase: bytes | None) -> PrivateKey:
    """Read a private key from PEM. Refuses a wrong or missing passphrase, and schemes other than our two."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = pkcs8.load(pem, passphrase)
    if isinstance(key, Ed25519PrivateKey):
        return PrivateKey(key)
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return PrivateKey(key)
    raise Refused("key-malformed", "The key is neither Ed25519 nor P-256; make one with `safeconduct key new`.")


@lru_cache(maxsize=4096)
def _check_spki(scheme: Scheme, spki: bytes) -> None:
    algorithm = next((name for name, prefix in _SPKI_PREFIX.items() if _fits(name, prefix, spki)), None)
    if algorithm is None or scheme not in (algorithm, "webauthn"):
        raise Refused("key-malformed", f"The key is not a plain {scheme} key; export it as SubjectPublicKeyInfo DER.")
    raw = spki[-_RAW_BYTES[algorithm] :]
    if algorithm == "ed25519":
        check_point(raw)
    else:
        _load_p256(raw)


def _fits(algorithm: Algorithm, prefix: bytes, spki: bytes) -> bool:
    return spki.startswith(prefix) and len(spki) == len(prefix) + _RAW_BYTES[algorithm]


@lru_cache(maxsize=4096)
def _load_ed25519(raw: bytes) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(raw)


@lru_cache(maxsize=4096)
def _load_p256(raw: bytes) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

    try:
        return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), b"\x04" + raw)
    except ValueError as error:
        raise Refused("key-malformed", "The P-256 key is not a point of the curve; make a new key.") from error


def _ecdsa() -> ECDSA:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    return ECDSA(SHA256())
