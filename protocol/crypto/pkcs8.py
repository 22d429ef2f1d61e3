"""Private keys at rest: PKCS#8, under scrypt when a passphrase is given.

The cryptography library writes PBKDF2 with 2048 rounds, which a graphics card tries by the million; it reads scrypt.
So the outer envelope is written here: EncryptedPrivateKeyInfo (RFC 5958) with PBES2 (RFC 8018 appendix A.4), scrypt
(RFC 7914 section 7) and AES-256-CBC. ``openssl pkey`` reads it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import textwrap
from typing import TYPE_CHECKING

from protocol.errors import Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

#: scrypt's cost: 16 MiB, five times over. More memory is beyond what openssl accepts without options.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**14, 8, 5
_SALT_BYTES, _IV_BYTES, _KEY_BYTES = 16, 16, 32

_OID_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_OID_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_OID_AES_256_CBC = bytes.fromhex("060960864801650304012a")


def to_pem(plain: bytes, passphrase: bytes | None) -> bytes:
    """PEM of the PKCS#8 structure ``plain`` (DER), encrypted when there is a passphrase."""
    if passphrase is None:
        return armour("PRIVATE KEY", plain)
    if not passphrase:
        raise Refused("key-passphrase", "The passphrase is empty; choose one, or ask for an unencrypted key.")
    return armour("ENCRYPTED PRIVATE KEY", _encrypt(plain, passphrase))


def load(pem: bytes, passphrase: bytes | None) -> PrivateKeyTypes:
    """The private key in ``pem``. Refuses ``key-passphrase`` or ``key-malformed``."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    encrypted = b"BEGIN ENCRYPTED PRIVATE KEY" in pem
    if encrypted and not passphrase:
        raise Refused("key-passphrase", "The key is encrypted; give its passphrase.")
    try:
        return load_pem_private_key(pem, passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if encrypted:
            raise Refused("key-passphrase", "The passphrase does not open the key; try again.") from error
        raise Refused("key-malformed", "The file holds no private key; make one with `safeconduct key new`.") from error


def _encrypt(plain: bytes, passphrase: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    salt, iv = os.urandom(_SALT_BYTES), os.urandom(_IV_BYTES)
    key = hashlib.scrypt(passphrase, salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, dklen=_KEY_BYTES)
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).encryptor()
    fill = 16 - len(plain) % 16
    secret = encryptor.update(plain + bytes([fill]) * fill) + encryptor.finalize()
    return _sequence(_pbes2(salt, iv), _octets(secret))


def _pbes2(salt: bytes, iv: bytes) -> bytes:
    scrypt = _sequence(_octets(salt), *(_integer(n) for n in (SCRYPT_N, SCRYPT_R, SCRYPT_P, _KEY_BYTES)))
    derive = _sequence(_OID_SCRYPT, scrypt)
    return _sequence(_OID_PBES2, _sequence(derive, _sequence(_OID_AES_256_CBC, _octets(iv))))


def _sequence(*parts: bytes) -> bytes:
    return _element(0x30, b"".join(parts))


def _octets(value: bytes) -> bytes:
    return _element(0x04, value)


def _integer(value: int) -> bytes:
    return _element(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _element(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 128:
        return bytes([tag, size]) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + value


def armour(label: str, der: bytes) -> bytes:
    """``der`` as PEM (RFC 7468)."""
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode("ascii"), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode("ascii")
