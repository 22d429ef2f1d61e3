"""Secrets that are handed out: the code that fetches what was prepared on a page, and what is kept of others."""

import secrets
from typing import Final

from protocol.crypto.digest import sha256_hex

_BYTES: Final = 32


def new_code() -> str:
    """Return a secret of 43 characters that a command line takes as an argument: it does not begin with a dash."""
    while (code := secrets.token_urlsafe(_BYTES)).startswith("-"):
        pass
    return code


def hash_secret(untrusted: str) -> str:
    """Return what is kept of a secret that was handed out, or of what somebody shows as one."""
    return sha256_hex(untrusted.encode("utf-8", "surrogatepass"))
