"""What is no answer of a passkey is refused as such, whatever a stranger wrote; nothing else is raised."""

import json
import subprocess
import sys
from typing import Any

import pytest

from faces.errors import PasskeyRefused
from faces.passkeys import (
    CREDENTIAL_BYTES,
    Credential,
    check_registration,
    check_sign_in,
    untrusted_credential_id,
)
from protocol.documents.passkey import PasskeyOrigin

PAGE = PasskeyOrigin(origin="http://localhost:8000", rp_id="localhost")
CHALLENGE = b"c" * 32
SOMEBODY = Credential(id=b"x", public_key=b"\xa0", count=0)
ANSWER: dict[str, Any] = {
    "id": "eHh4eA",
    "rawId": "eHh4eA",
    "type": "public-key",
    "response": {"clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "AAAA", "attestationObject": "oA"},
}
HOSTILE = {
    "nothing": "",
    "no JSON": "{",
    "null": "null",
    "a list": "[]",
    "deeper than Python reads": "[" * 9_000,
    "larger than any answer": " " * (CREDENTIAL_BYTES + 1),
    **{f"{name} is {value}": json.dumps(ANSWER | {name: value}) for name in ANSWER for value in (None, 1, [], {}, "é")},
}


@pytest.mark.parametrize("untrusted", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_answer_is_refused_and_nothing_else_is_raised(untrusted: str) -> None:
    with pytest.raises(PasskeyRefused):
        check_registration(PAGE, CHALLENGE, untrusted)
    with pytest.raises(PasskeyRefused):
        check_sign_in(PAGE, CHALLENGE, untrusted, SOMEBODY)


@pytest.mark.parametrize("name", ["nothing", "no JSON", "null", "a list", "deeper than Python reads"])
def test_hostile_answer_claims_no_credential(name: str) -> None:
    with pytest.raises(PasskeyRefused):
        untrusted_credential_id(HOSTILE[name])


def test_registry_starts_without_the_library_of_passkeys() -> None:
    line = "import sys, registry.main; print('webauthn' in sys.modules)"

    found = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True, timeout=60)

    assert found.stdout == "False\n"
