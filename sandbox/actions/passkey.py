"""Challenges of the admin page: this process alone can make them, each is for one purpose, and is answered once.

A challenge carries its own end and a MAC over what it is for, so that asking for one writes nothing: strangers may ask
as often as they like. What answers one is checked by `faces.passkeys`; the action that takes an answer keeps the
challenge among the used ones. Login passkeys prove who clicks on this page, nothing more: no node believes them as
signatures of an approval.
"""

import base64
import datetime as dt
import hmac
import json
import secrets
from dataclasses import dataclass

from faces.errors import PasskeyRefused
from faces.passkeys import (
    CREDENTIAL_BYTES,
    Credential,
    assertion_options,
    check_registration,
    check_sign_in,
    registration_options,
)
from protocol.crypto.digest import sha256_hex
from protocol.documents.passkey import PasskeyOrigin
from sandbox.domain.admin import CHALLENGE
from sandbox.store.admin import UsedChallenge
from sandbox.store.base import Session, microseconds

_NONCE, _END, _MAC = 16, 8, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the page is served, what it is called, and the secret of this process behind its challenges."""

    name: str
    page: PasskeyOrigin
    secret: bytes


def enrolment_options(site: Site, name: str, now: dt.datetime) -> str:
    """What a browser needs to make a passkey for this admin, as JSON."""
    challenge = _make_challenge(site, _enrol(name), now)
    return registration_options(site.page, site.name, name, secrets.token_bytes(16), challenge)


def answer_options(site: Site, purpose: str, now: dt.datetime) -> str:
    """What a browser needs to answer for a purpose with a passkey of this site, as JSON."""
    return assertion_options(site.page, _make_challenge(site, purpose, now))


def open_enrolment(session: Session, site: Site, name: str, untrusted: str, now: dt.datetime) -> Credential:
    """The new passkey in a browser's answer; refuses any but one of this site, for this name, now."""
    return check_registration(site.page, _use_challenge(session, site, _enrol(name), untrusted, now), untrusted)


def check_answer(
    session: Session, site: Site, purpose: str, credential: Credential, untrusted: str, now: dt.datetime
) -> None:
    """Refuse (passkey-refused) an answer that this passkey did not give here, now, for this purpose, or gave before."""
    check_sign_in(site.page, _use_challenge(session, site, purpose, untrusted, now), untrusted, credential)


def _enrol(name: str) -> str:
    return f"enrol:{name}"


def _make_challenge(site: Site, purpose: str, now: dt.datetime) -> bytes:
    head = secrets.token_bytes(_NONCE) + microseconds(now + CHALLENGE).to_bytes(_END, "big")
    return head + _mac(site, purpose, head)


def _use_challenge(session: Session, site: Site, purpose: str, untrusted: str, now: dt.datetime) -> bytes:
    """The challenge that an answer is about, noted as used."""
    challenge = _read_challenge(untrusted)
    head, mac = challenge[:-_MAC], challenge[-_MAC:]
    if not hmac.compare_digest(mac, _mac(site, purpose, head)):
        raise _refusal()
    digest = sha256_hex(challenge)
    late = int.from_bytes(head[_NONCE:], "big") <= microseconds(now)
    if late or session.get(UsedChallenge, digest) is not None:
        raise _refusal()
    session.add(UsedChallenge(challenge=digest, until=now + CHALLENGE))
    return challenge


def _read_challenge(untrusted: str) -> bytes:
    if len(untrusted) > CREDENTIAL_BYTES:
        raise _refusal()
    try:
        client_data = json.loads(_bytes(json.loads(untrusted)["response"]["clientDataJSON"]))
        return _bytes(client_data["challenge"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _refusal() from error


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _mac(site: Site, purpose: str, head: bytes) -> bytes:
    return hmac.digest(site.secret, purpose.encode() + b"\0" + head, "sha256")


def _refusal() -> PasskeyRefused:
    return PasskeyRefused("passkey-refused", "The passkey's answer does not fit this page; open it again and retry.")
