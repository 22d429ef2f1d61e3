"""Log machines in: a signed assertion (RFC 7523, private_key_jwt) against a short-lived opaque token.

1. The assertion's keys come from the caller's accreditation, its seats on current rosters, or the configured offices.
2. It must be made for one of this registry's addresses, be alive, and never have been used before.
3. The token is random; only its SHA-256 is kept. Every use looks again whether its holder still stands.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from protocol.crypto.assertion import Assertion, check_assertion, read_client_id
from protocol.errors import Refused
from registry.actions import identity
from registry.actions.desk import Desk
from registry.domain.caller import Caller
from registry.domain.limits import ASSERTION_MEMORY_SECONDS, TOKEN_SECONDS
from registry.errors import Unauthenticated
from registry.store import document, token


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A fresh token, seen in clear only here."""

    access_token: str
    expires_in: int


def issue(desk: Desk, untrusted_assertion: str, untrusted_client: str | None, now: datetime) -> Issued:
    """Check the assertion and hand out a token."""
    assertion, kind = _check(desk, untrusted_assertion, untrusted_client, now)
    fresh = secrets.token_urlsafe(32)
    with desk.store.transaction() as tx:
        token.forget_old(tx, now)
        used = hashlib.sha256(f"{assertion.client_id} {assertion.token_id}".encode()).hexdigest()
        if not token.remember_assertion(tx, used, now + timedelta(seconds=ASSERTION_MEMORY_SECONDS)):
            raise Unauthenticated("assertion-replayed", "This login assertion was used before. Make a new one.")
        token.add(tx, _hash(fresh), assertion.client_id, kind, now + timedelta(seconds=TOKEN_SECONDS))
        document.record(tx, now, assertion.client_id, "token.issued", assertion.client_id)
    return Issued(access_token=fresh, expires_in=TOKEN_SECONDS)


def authenticate(desk: Desk, untrusted_token: str, now: datetime) -> Caller:
    """Return whom a token speaks for, if it and its holder are still good."""
    with desk.store.reading() as tx:
        found = token.get(tx, _hash(untrusted_token))
        if found is None or found.expires <= now:
            raise Unauthenticated("token-invalid", "The access token is unknown or has expired. Ask for a new one.")
        return identity.find(tx, desk, found.subject, now).caller


def _check(desk: Desk, untrusted: str, untrusted_client: str | None, now: datetime) -> tuple[Assertion, str]:
    try:
        client = read_client_id(untrusted)
        if untrusted_client not in (None, client):
            raise Unauthenticated("assertion-client", "The assertion speaks for another client_id than the form.")
        with desk.store.reading() as tx:
            found = identity.find(tx, desk, client, now)
        return _for_any_audience(desk, untrusted, found, now), found.caller.kind
    except Refused as error:
        raise Unauthenticated(error.code, error.sentence) from error


def _for_any_audience(desk: Desk, untrusted: str, found: identity.Identity, now: datetime) -> Assertion:
    refusal: Refused | None = None
    for audience in (*desk.audiences, *(f"{url}/api/v1/token" for url in desk.audiences)):
        try:
            return check_assertion(untrusted, found.keys, audience, now)
        except Refused as error:
            refusal = error
            if error.code != "assertion-audience":
                break
    raise refusal or RuntimeError("a registry without an address was started")


def _hash(untrusted_token: str) -> str:
    return hashlib.sha256(untrusted_token.encode("utf-8", "surrogatepass")).hexdigest()
