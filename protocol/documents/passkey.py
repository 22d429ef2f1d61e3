"""What a passkey signs: not a document, but a browser's words about one (W3C Web Authentication, level 3, 7.2).

The challenge is SHA-256 of ``safeconduct-vote-v1`` and DSSE's pre-authentication encoding, so that whoever shows the
approval later shows exactly what was signed. Every check is made from the trust root and the roster alone:

1. client data: type ``webauthn.get``, exactly that challenge, not cross-origin, an origin of the trust root;
2. authenticator data: nothing behind it, that origin's RP id, the user present and verified;
3. the signature, under the roster's key, whose algorithm is fixed there.

So a login, which has another challenge and another RP id, is never a vote. The counter is ignored: passkeys that
follow a person from device to device have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from protocol.crypto.digest import sha256
from protocol.crypto.encoding import encode_base64
from protocol.crypto.keys import PublicKey
from protocol.documents.fields import Record
from protocol.documents.strict import Json, parse_object
from protocol.errors import Refused

VOTE_DOMAIN = b"safeconduct-vote-v1"
#: The label of an approval that was signed on a page which the registry serves, wherever people read of it.
ON_REGISTRY_PAGE = "signed on the registry's page"
CLIENT_DATA_BYTES = 4096
#: RP id hash, flags, counter: an authenticator that was asked for no extensions says no more.
AUTHENTICATOR_DATA_BYTES = 32 + 1 + 4
USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED, EXTENSIONS = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80

_HOST = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,15}"
#: What a browser writes as an origin: a secure one, so plain http for this very machine only.
Origin = Annotated[str, StringConstraints(pattern=rf"^(https://{_HOST}|http://localhost)(:[1-9][0-9]{{0,4}})?$")]
RpId = Annotated[str, StringConstraints(pattern=rf"^{_HOST}$", max_length=253)]


class PasskeyOrigin(Record):
    """A page on which passkeys may sign, and the RP id that it signs for."""

    origin: Origin
    rp_id: RpId
    #: Whether the registry serves this page: a stolen registry could show one thing there and have another signed.
    registry_page: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        host = self.origin.partition("://")[2].partition(":")[0]
        if host != self.rp_id and not host.endswith(f".{self.rp_id}"):
            raise Refused("passkey-rp-id", f"{self.rp_id} is neither the host of {self.origin} nor above it.")
        return self


class PasskeyWords(Record):
    """What stands beside a passkey's signature in an envelope, in base64; the names are WebAuthn's."""

    authenticatorData: Annotated[str, Field(max_length=2048)]  # noqa: N815
    clientDataJSON: Annotated[str, Field(max_length=2 * CLIENT_DATA_BYTES)]  # noqa: N815


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyAssertion:
    """A passkey's signature and the words that it is over; nothing in it is checked."""

    authenticator_data: bytes
    client_data: bytes
    signature: bytes


def vote_challenge(signed_bytes: bytes) -> bytes:
    """The challenge under which a passkey signs a document with this pre-authentication encoding."""
    return sha256(VOTE_DOMAIN + signed_bytes)


def check_passkey(
    untrusted: PasskeyAssertion, key: PublicKey, challenge: bytes, origins: Sequence[PasskeyOrigin]
) -> PasskeyOrigin:
    """The page on which the holder of ``key`` signed ``challenge``; each fault is refused with a code of its own."""
    page = _check_client_data(untrusted.client_data, challenge, origins)
    _check_authenticator_data(untrusted.authenticator_data, page)
    key.verify_passkey(untrusted.signature, untrusted.authenticator_data + sha256(untrusted.client_data))
    return page


def _check_client_data(untrusted: bytes, challenge: bytes, origins: Sequence[PasskeyOrigin]) -> PasskeyOrigin:
    """Step 1. Members that we do not know are left alone: browsers add some so that nobody compares texts."""
    said = parse_object(untrusted, CLIENT_DATA_BYTES)
    if said.get("type") != "webauthn.get":
        raise Refused("passkey-type", "The passkey did not sign an assertion; sign the approval again.")
    if said.get("challenge") != _base64url(challenge):
        raise Refused("passkey-challenge", "The passkey signed something else than this; sign the approval itself.")
    if not _is_same_origin(said):
        raise Refused("passkey-cross-origin", "The passkey signed inside another site's page; open the page itself.")
    page = next((one for one in origins if one.origin == said.get("origin")), None)
    if page is None:
        raise Refused("passkey-origin", "The passkey signed on a page that the trust root does not allow; use another.")
    return page


def _is_same_origin(said: dict[str, Json]) -> bool:
    return said.get("crossOrigin", False) is False and "topOrigin" not in said


def _check_authenticator_data(untrusted: bytes, page: PasskeyOrigin) -> None:
    """Step 2."""
    if len(untrusted) != AUTHENTICATOR_DATA_BYTES or untrusted[32] & (ATTESTED | EXTENSIONS):
        raise Refused("passkey-malformed", "The passkey's data is longer or shorter than an assertion's; sign again.")
    if untrusted[:32] != sha256(page.rp_id.encode()):
        raise Refused("passkey-rp-id", f"The passkey signed for another site than {page.rp_id}; use the one for it.")
    flags = untrusted[32]
    if not flags & USER_PRESENT:
        raise Refused("passkey-presence", "Nobody touched the passkey; sign again.")
    if not flags & USER_VERIFIED:
        raise Refused("passkey-verification", "The passkey did not ask who you are; set a PIN or fingerprint for it.")
    if flags & BACKED_UP and not flags & BACKUP_ELIGIBLE:
        raise Refused("passkey-malformed", "The passkey contradicts itself about its copies; use another passkey.")


def _base64url(data: bytes) -> str:
    return encode_base64(data).rstrip("=").replace("+", "-").replace("/", "_")
