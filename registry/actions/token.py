"""Log machines in: a signed assertion (RFC 7523, private_key_jwt) against a short-lived opaque token.

1. The assertion's keys come from the caller's accreditation, its seats on current rosters, or the configured offices.
2. It must be made for one of this registry's addresses, be alive, and never have been used before.
3. The token is random; only its SHA-256 is kept. Every use looks again whether its holder still stands.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Final

from protocol.crypto.assertion import Assertion, check_assertion, read_client_id
from protocol.crypto.keys import PublicKey
from protocol.errors import Refused
from registry.actions import identity
from registry.actions.code import hash_secret
from registry.actions.desk import Desk
from registry.domain.caller import Caller
from registry.domain.limits import ASSERTION_MEMORY_SECONDS, TOKEN_SECONDS
from registry.errors import Unauthenticated
from registry.store import document, token

_TRY_ON: Final = frozenset({"key-unknown", "assertion-audience"})
"""Refusals that another key or another of our addresses may still cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A fresh token, seen in clear only here."""

    access_token: str
    expires_in: int


def issue(desk: Desk, untrusted_assertion: str, untrusted_client: str | None, now: datetime) -> Issued:
    """Check the assertion and hand out a token."""
    found, kind, keyid = _check(desk, untrusted_assertion, untrusted_client, now)
    fresh = secrets.token_urlsafe(32)
    with desk.store.transaction() as tx:
        token.forget_old(tx, now)
        used = hashlib.sha256(f"{found.client_id} {found.token_id}".encode()).hexdigest()
        if not token.remember_assertion(tx, used, now + timedelta(seconds=ASSERTION_MEMORY_SECONDS)):
            raise Unauthenticated("assertion-replayed", "This login assertion was used before. Make a new one.")
        token.add(tx, hash_secret(fresh), found.client_id, kind, keyid, now + timedelta(seconds=TOKEN_SECONDS))
        document.record(tx, now, found.client_id, "token.issued", found.client_id)
    return Issued(access_token=fresh, expires_in=TOKEN_SECONDS)


def authenticate(desk: Desk, untrusted_token: str, now: datetime) -> Caller:
    """Return whom a token speaks for, if it, its holder and the key it was asked for with are still good."""
    with desk.store.reading() as tx:
        found = token.get(tx, hash_secret(untrusted_token))
        if found is None or found.expires <= now:
            raise Unauthenticated("token-invalid", "The access token is unknown or has expired. Ask for a new one.")
        holder = identity.find(tx, desk, found.subject, now)
        if found.keyid not in {key.keyid for key in holder.keys}:
            raise Unauthenticated("key-revoked", "The key behind this access token counts no more. Use your new key.")
        return holder.caller


def _check(desk: Desk, untrusted: str, untrusted_client: str | None, now: datetime) -> tuple[Assertion, str, str]:
    """Return the checked assertion, what kind of caller it speaks for, and the key that signed it."""
    try:
        client = read_client_id(untrusted)
        if untrusted_client not in (None, client):
            raise Unauthenticated("assertion-client", "The assertion speaks for another client_id than the form.")
        with desk.store.reading() as tx:
            found = identity.find(tx, desk, client, now)
        assertion, keyid = _for_any(desk, untrusted, found.keys, now)
    except Refused as error:
        raise Unauthenticated(error.code, error.sentence) from error
    return assertion, found.caller.kind, keyid


def _for_any(desk: Desk, untrusted: str, keys: tuple[PublicKey, ...], now: datetime) -> tuple[Assertion, str]:
    """Check the assertion under each key and for each of our addresses; raise what is wrong with it."""
    refusal = Refused("key-unknown", "The login assertion's key is not accredited. Register it first.")
    audiences = (*desk.audiences, *(f"{url}/api/v1/token" for url in desk.audiences))
    for key, audience in product(keys, audiences):
        try:
            return check_assertion(untrusted, [key], audience, now), key.keyid
        except Refused as error:
            if error.code not in _TRY_ON:
                raise
            refusal = refusal if error.code == "key-unknown" else error
    raise refusal
