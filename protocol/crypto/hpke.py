"""Sealing results to one recipient: HPKE (RFC 9180) with a hybrid post-quantum key exchange.

The suite is MLKEM768-X25519, HKDF-SHA256, ChaCha20-Poly1305: genomic results must stay secret for decades, so a
recording made today must not open under a later quantum computer, nor under a flaw found in the younger scheme.
The library's hybrid key has no serialisation of its own; its two components are stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocol.crypto import pkcs8
from protocol.errors import Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey, Suite

_MLKEM_SEED, _X25519_SECRET = 64, 32
_MLKEM_PUBLIC, _X25519_PUBLIC = 1184, 32
PRIVATE_BYTES = _MLKEM_SEED + _X25519_SECRET
PUBLIC_BYTES = _MLKEM_PUBLIC + _X25519_PUBLIC
#: What sealing adds to a plaintext: the encapsulated keys (1088 + 32) and the authentication tag.
OVERHEAD_BYTES = 1120 + 16
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True, repr=False)
class RecipientKey:
    """The private half of a recipient: an ML-KEM-768 key and an X25519 key."""

    _mlkem: MLKEM768PrivateKey
    _x25519: X25519PrivateKey

    @classmethod
    def generate(cls) -> RecipientKey:
        """A fresh key from the operating system's randomness."""
        from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        return cls(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, data: bytes) -> RecipientKey:
        """The key whose components ``to_bytes`` wrote: 64 bytes of ML-KEM seed, 32 of X25519 secret."""
        from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        if len(data) != PRIVATE_BYTES:
            raise Refused("key-malformed", f"A recipient key has {PRIVATE_BYTES} bytes; make a new one.")
        return cls(
            MLKEM768PrivateKey.from_seed_bytes(data[:_MLKEM_SEED]),
            X25519PrivateKey.from_private_bytes(data[_MLKEM_SEED:]),
        )

    def to_bytes(self) -> bytes:
        """The two components, unencrypted: for a caller that protects them itself."""
        return self._mlkem.private_bytes_raw() + self._x25519.private_bytes_raw()

    def to_pem(self, passphrase: bytes | None) -> bytes:
        """Two PKCS#8 blocks, ML-KEM then X25519, each under scrypt when there is a passphrase."""
        from cryptography.hazmat.primitives import serialization as form

        how = (form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
        return b"".join(pkcs8.to_pem(key.private_bytes(*how), passphrase) for key in (self._mlkem, self._x25519))

    @property
    def public_bytes(self) -> bytes:
        """What the world seals to: 1184 bytes of ML-KEM, 32 of X25519."""
        return self._mlkem.public_key().public_bytes_raw() + self._x25519.public_key().public_bytes_raw()


def load_recipient(pem: bytes, passphrase: bytes | None) -> RecipientKey:
    """Read what ``RecipientKey.to_pem`` wrote."""
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    second = pem.find(b"-----BEGIN", 1)
    if second < 0:
        raise Refused("key-malformed", "A recipient key file holds two keys; make one with `safeconduct key new`.")
    first, other = pkcs8.load(pem[:second], passphrase), pkcs8.load(pem[second:], passphrase)
    if not (isinstance(first, MLKEM768PrivateKey) and isinstance(other, X25519PrivateKey)):
        raise Refused("key-malformed", "A recipient key is one ML-KEM-768 and one X25519 key, in this order.")
    return RecipientKey(first, other)


def check_recipient(public: bytes) -> None:
    """Refuse (``key-malformed``) bytes that are no recipient's public key."""
    _load_public(public)


def seal(plaintext: bytes, public: bytes, info: bytes) -> bytes:
    """Encrypt to the holder of ``public``; ``info`` must be the same when it is opened."""
    return _suite().encrypt(plaintext, _load_public(public), info=info)


def open_sealed(ciphertext: bytes, private: RecipientKey, info: bytes) -> bytes:
    """The plaintext, or Refused ``seal-broken`` if key, info or a single bit differ."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

    try:
        return _suite().decrypt(ciphertext, MLKEM768X25519PrivateKey(private._mlkem, private._x25519), info=info)
    except (InvalidTag, ValueError) as error:
        sentence = "The sealed bytes do not open with this key for this order; fetch them again."
        raise Refused("seal-broken", sentence) from error


def pad(plaintext: bytes, length: int) -> bytes:
    """``plaintext`` with its length before it and zeros behind it: ``length`` bytes, whatever it says."""
    if len(plaintext) + _LENGTH_BYTES > length:
        raise Refused("seal-length", "The plaintext is longer than its fixed length; raise the spec's outputs.")
    return (len(plaintext).to_bytes(_LENGTH_BYTES, "big") + plaintext).ljust(length, b"\x00")


def unpad(padded: bytes) -> bytes:
    """What ``pad`` was given. Refuses a wrong length and anything but zeros behind it."""
    end = _LENGTH_BYTES + int.from_bytes(padded[:_LENGTH_BYTES], "big")
    if len(padded) < _LENGTH_BYTES or end > len(padded) or padded[end:].strip(b"\x00"):
        raise Refused("seal-broken", "The sealed bytes are padded wrongly; ask the node's holder why.")
    return padded[_LENGTH_BYTES:end]


def _suite() -> Suite:
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def _load_public(public: bytes) -> MLKEM768X25519PublicKey:
    """The key, after a trial exchange: with a point of small order there is no shared secret (RFC 7748 section 6.1).

    Any scalar serves for the trial, since all are multiples of the cofactor. It is made here so that such a key is
    refused with the order and not when the result is to be sealed.
    """
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey

    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC])
        x25519 = X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:])
        X25519PrivateKey.from_private_bytes(bytes(_X25519_SECRET)).exchange(x25519)
    except ValueError as error:
        sentence = f"A recipient's public key has {PUBLIC_BYTES} bytes and no small order; send a fresh one."
        raise Refused("key-malformed", sentence) from error
    return MLKEM768X25519PublicKey(mlkem, x25519)
