"""SHA-256, the one digest of every document, key and file."""

import hashlib


def sha256_hex(data: bytes) -> str:
    """The SHA-256 digest of ``data`` as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256(data: bytes) -> bytes:
    """SHA-256 of ``data``: 32 bytes."""
    return hashlib.sha256(data).digest()
