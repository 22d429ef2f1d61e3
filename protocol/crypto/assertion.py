"""Machines say who they are by a signed assertion (RFC 7523, "private_key_jwt"): no password crosses the network.

1. The algorithm is the one of the key (RFC 9864 names), never one that the token chooses.
2. Issuer and subject are the client, the audience is the one address it was made for, and it lives two minutes.
3. The receiver remembers ``token_id`` until ``expires`` and refuses it a second time; that memory is the caller's.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from protocol.crypto.keys import PrivateKey, PublicKey, Scheme
from protocol.errors import Refused

LIFETIME = timedelta(minutes=2)
SKEW = timedelta(seconds=60)
MAX_BYTES = 4096
_ALGORITHM: dict[Scheme, str] = {"ed25519": "Ed25519", "ecdsa-p256": "ES256"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A checked assertion: who, and the token id to remember until it expires."""

    client_id: str
    token_id: str
    expires: datetime


def make_assertion(key: PrivateKey, client_id: str, audience: str, now: datetime) -> str:
    """A signed token by which ``client_id`` logs in at ``audience`` within two minutes of ``now``."""
    from joserfc import jwt

    issued = int(now.timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": issued,
        "exp": issued + int(LIFETIME.total_seconds()),
        "jti": secrets.token_urlsafe(16),
    }
    name = _ALGORITHM[key.public.scheme]
    header = {"alg": name, "kid": key.public.keyid, "typ": "JWT"}
    return jwt.encode(header, claims, _import_key(key.to_pem(None), key.public.scheme), algorithms=[name])


def read_client_id(untrusted_token: str) -> str:
    """Whom an unverified token claims to speak for: only to look up the keys it must be checked with."""
    return _text(_claims(_decode_unverified(untrusted_token)), "sub")


def check_assertion(untrusted_token: str, keys: Sequence[PublicKey], audience: str, now: datetime) -> Assertion:
    """The assertion, if one of ``keys`` signed it for ``audience`` and it is alive at ``now``.

    Refuses ``assertion-invalid``, ``assertion-audience`` or ``assertion-expired``.
    """
    claims = _verified_claims(untrusted_token, keys)
    client_id = _text(claims, "sub")
    if _text(claims, "iss") != client_id:
        raise Refused("assertion-invalid", "The login assertion's issuer is not its subject; make a new one.")
    if claims.get("aud") != audience:
        raise Refused("assertion-audience", f"The login assertion is not for {audience}; make one for this address.")
    expires = _check_alive(_moment(claims, "iat"), _moment(claims, "exp"), now)
    return Assertion(client_id=client_id, token_id=_text(claims, "jti"), expires=expires)


def _verified_claims(untrusted_token: str, keys: Sequence[PublicKey]) -> dict[str, object]:
    from joserfc import jwt
    from joserfc.errors import JoseError

    header = _decode_unverified(untrusted_token).header
    key = next((key for key in keys if key.keyid == header.get("kid")), None)
    if key is None:
        raise Refused("key-unknown", "The login assertion's key is not accredited; register it first.")
    try:
        token = jwt.decode(
            untrusted_token, _import_key(_public_pem(key), key.scheme), algorithms=[_ALGORITHM[key.scheme]]
        )
    except (JoseError, ValueError) as error:
        raise Refused("assertion-invalid", "The login assertion's signature does not fit; make a new one.") from error
    return _claims(token)
