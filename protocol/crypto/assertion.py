"""Machines say who they are by a signed assertion (RFC 7523, "private_key_jwt"): no password crosses the network.

1. The algorithm is the one of the key (RFC 9864 names), never one that the token chooses.
2. Issuer and subject are the client, the audience is the one address it was made for, and it lives two minutes.
3. The receiver remembers ``token_id`` until ``expires`` and refuses it a second time; that memory is the caller's.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from protocol.crypto.keys import Algorithm, PrivateKey, PublicKey
from protocol.errors import Refused

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey
    from joserfc.jws import CompactSignature

LIFETIME = timedelta(minutes=2)
SKEW = timedelta(seconds=60)
MAX_BYTES = 4096
_ALGORITHM: dict[Algorithm, str] = {"ed25519": "Ed25519", "ecdsa-p256": "ES256"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A checked assertion: who, and the token id to remember until ``expires``."""

    client_id: str
    token_id: str
    expires: datetime


def make_assertion(key: PrivateKey, client_id: str, audience: str, now: datetime) -> str:
    """A signed token by which ``client_id`` logs in at ``audience`` within two minutes of ``now``."""
    from joserfc import jws

    issued = int(now.timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": issued,
        "exp": issued + int(LIFETIME.total_seconds()),
        "jti": secrets.token_urlsafe(16),
    }
    name = _ALGORITHM[key.public.algorithm]
    header = {"alg": name, "kid": key.public.keyid, "typ": "JWT"}
    return jws.serialize_compact(header, json.dumps(claims), _jwk(key.public.algorithm, key.to_pem(None)), [name])


def read_client_id(untrusted_token: str) -> str:
    """Whom an unverified token claims to speak for: only to look up the keys it must be checked with."""
    return _text(_claims(_read(untrusted_token)), "sub")


def check_assertion(untrusted_token: str, keys: Sequence[PublicKey], audience: str, now: datetime) -> Assertion:
    """The assertion, if one of ``keys`` signed it for ``audience`` and it is alive at ``now``.

    Refuses ``key-unknown``, ``assertion-invalid``, ``assertion-audience`` or ``assertion-expired``.
    """
    token = _read(untrusted_token)
    _check_signature(token, keys)
    claims = _claims(token)
    client_id = _text(claims, "sub")
    if _text(claims, "iss") != client_id:
        raise _invalid("its issuer is not its subject")
    if claims.get("aud") != audience:
        raise Refused("assertion-audience", f"The login assertion is not for {audience}; make one for this address.")
    expires = _check_alive(_moment(claims, "iat"), _moment(claims, "exp"), now)
    return Assertion(client_id=client_id, token_id=_text(claims, "jti"), expires=expires)


def _check_signature(token: CompactSignature, keys: Sequence[PublicKey]) -> None:
    from joserfc import jws
    from joserfc.errors import JoseError

    key = next((key for key in keys if key.keyid == token.headers().get("kid")), None)
    if key is None:
        raise Refused("key-unknown", "The login assertion's key is not accredited; register it first.")
    if key.scheme == "webauthn":
        raise Refused("key-scheme", "Passkeys that sign approvals are no login; log in with a key in a file.")
    try:
        valid = jws.validate_compact(token, _jwk(key.algorithm, key.to_pem()), [_ALGORITHM[key.algorithm]])
    except (JoseError, ValueError) as error:
        raise _invalid("its algorithm is not the key's") from error
    if not valid:
        raise _invalid("its signature does not fit")


def _read(untrusted_token: str) -> CompactSignature:
    from joserfc import jws
    from joserfc.errors import JoseError

    if len(untrusted_token) > MAX_BYTES or not untrusted_token.isascii():
        raise _invalid("it is too long, or not ASCII")
    try:
        return jws.extract_compact(untrusted_token.encode("ascii"))
    except (JoseError, ValueError) as error:
        raise _invalid("it is not a signed token") from error


def _claims(token: CompactSignature) -> dict[str, object]:
    try:
        claims = json.loads(token.payload or b"")
    except (ValueError, RecursionError) as error:
        raise _invalid("it holds no JSON") from error
    if not isinstance(claims, dict):
        raise _invalid("it holds no claims")
    return claims


def _text(claims: dict[str, object], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise _invalid(f"it has no {name}")
    return value


def _moment(claims: dict[str, object], name: str) -> datetime:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value < 2**33:
        raise _invalid(f"it has no {name}")
    return datetime.fromtimestamp(value, UTC)


def _check_alive(issued: datetime, expires: datetime, now: datetime) -> datetime:
    if not (issued - SKEW <= now < expires + SKEW and issued < expires <= issued + LIFETIME):
        raise Refused("assertion-expired", "The login assertion is not valid now; set the clock right, make a new one.")
    return expires


def _jwk(algorithm: Algorithm, pem: bytes) -> OKPKey | ECKey:
    from joserfc.jwk import ECKey, OKPKey

    return OKPKey.import_key(pem) if algorithm == "ed25519" else ECKey.import_key(pem)


def _invalid(why: str) -> Refused:
    return Refused("assertion-invalid", f"The login assertion cannot be believed: {why}; make a new one.")
