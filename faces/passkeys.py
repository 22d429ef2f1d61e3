"""Passkey ceremonies for signing in (W3C Web Authentication, level 3, 7.1 and 7.2), by py_webauthn.

The options are in the page; the browser's answer comes back as a field of an ordinary form. A challenge is random,
bound to the browser and to one purpose, used once, and short-lived. Origin and RP id are pinned by the program's
settings; the user is always verified; the credential is discoverable, so nobody types a name. A credential of these
ceremonies never signs a vote: a vote's challenge is made from the approval (`protocol.documents.passkey`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from faces.errors import PasskeyRefused
from protocol.documents.passkey import PasskeyAssertion, PasskeyOrigin

LIVES: Final = timedelta(minutes=10)
CREDENTIAL_BYTES: Final = 16 * 1024
_ALGORITHMS: Final = (-7, -8)  # COSE: ES256, EdDSA


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """A challenge that was put to one browser for one purpose, such as `sign-in`."""

    browser: str
    purpose: str
    challenge: bytes
    expires: datetime


class CeremonyStore(Protocol):
    """Where open ceremonies are kept; inside the caller's transaction."""

    def put(self, ceremony: Ceremony) -> None:
        """Keep it in place of the browser's former one for that purpose, and drop what has expired."""

    def take(self, browser: str, purpose: str) -> Ceremony | None:
        """Return and forget it: a challenge is answered once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A login passkey: its id, its public key (COSE) and its counter, which is kept but not believed."""

    id: bytes
    public_key: bytes
    count: int


def check_open(ceremony: Ceremony | None, now: datetime) -> Ceremony:
    """Return an open ceremony; raises PasskeyRefused for none, a used one, or an old one."""
    if ceremony is None or now >= ceremony.expires:
        raise PasskeyRefused("passkey-stale", "This page was used already or open for too long. Open it again.")
    return ceremony


# The library takes a sixth of a second to import: the first ceremony pays it, not every start of a program.


def registration_options(
    page: PasskeyOrigin, site: str, subject: str, handle: bytes, challenge: bytes, known: tuple[bytes, ...] = ()
) -> str:
    """Return what `navigator.credentials.create` is asked, as JSON. `handle` stands for the person, random."""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.cose import COSEAlgorithmIdentifier
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=page.rp_id,
        rp_name=site,
        user_name=subject,
        user_id=handle,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        supported_pub_key_algs=[COSEAlgorithmIdentifier(each) for each in _ALGORITHMS],
    )
    return options_to_json(options)


def assertion_options(page: PasskeyOrigin, challenge: bytes) -> str:
    """Return what `navigator.credentials.get` is asked, as JSON: it lists no credentials, so it tells of nobody."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=page.rp_id, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
    )
    return options_to_json(options)


def check_registration(page: PasskeyOrigin, challenge: bytes, untrusted: str) -> Credential:
    """Return the new passkey; raises PasskeyRefused for another challenge, origin or RP id, or an unverified user."""
    from webauthn import verify_registration_response
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    with _refusing(untrusted):
        made = verify_registration_response(
            credential=untrusted,
            expected_challenge=challenge,
            expected_rp_id=page.rp_id,
            expected_origin=page.origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(each) for each in _ALGORITHMS],
        )
    return Credential(id=made.credential_id, public_key=made.credential_public_key, count=made.sign_count)


def untrusted_credential_id(untrusted: str) -> bytes:
    """Return which credential an answer claims to be of, to look it up."""
    from webauthn.helpers import base64url_to_bytes, parse_authentication_credential_json

    with _refusing(untrusted):
        return base64url_to_bytes(parse_authentication_credential_json(untrusted).id)


def untrusted_assertion(untrusted: str) -> PasskeyAssertion:
    """Return an answer's words and its signature, for a document that is to carry them; nothing in it is checked."""
    from webauthn.helpers import parse_authentication_credential_json

    with _refusing(untrusted):
        said = parse_authentication_credential_json(untrusted).response
    return PasskeyAssertion(
        authenticator_data=said.authenticator_data, client_data=said.client_data_json, signature=said.signature
    )


def check_sign_in(page: PasskeyOrigin, challenge: bytes, untrusted: str, credential: Credential) -> int:
    """Return the passkey's counter; raises PasskeyRefused unless its holder answered this challenge, verified."""
    from webauthn import verify_authentication_response

    with _refusing(untrusted):
        done = verify_authentication_response(
            credential=untrusted,
            expected_challenge=challenge,
            expected_rp_id=page.rp_id,
            expected_origin=page.origin,
            credential_public_key=credential.public_key,
            credential_current_sign_count=0,  # not believed: passkeys that follow a person between devices have none
            require_user_verification=True,
        )
    return done.new_sign_count


@contextmanager
def _refusing(untrusted: str) -> Iterator[None]:
    """Refuse an answer that is too large, and whatever the library raises over one: it parses what a stranger sent."""
    from webauthn.helpers.exceptions import WebAuthnException

    sentence = "The passkey's answer does not prove who you are here. Try again."
    if not 0 < len(untrusted) <= CREDENTIAL_BYTES:
        raise PasskeyRefused("passkey-refused", sentence)
    try:
        yield
    except (WebAuthnException, ValueError, KeyError, TypeError, RecursionError) as error:
        raise PasskeyRefused("passkey-refused", sentence) from error
