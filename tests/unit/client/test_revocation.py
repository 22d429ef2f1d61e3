"""What an office's machine checks before it signs a revocation that a registry prepared."""

from datetime import timedelta
from typing import Any

import pytest
from factory import AUTHOR, OFFICE, World, digest_of, private_key

from client.revocation import Revocation, check_revocation
from protocol.crypto.encoding import encode_base64
from protocol.documents.envelope import read_envelope, statement_bytes
from protocol.documents.signature import Signature
from protocol.documents.status import Status
from protocol.errors import Refused

WORLD = World()
ROOT = WORLD.open_root()
ALGORITHM = WORLD.sign(WORLD.algorithm(), AUTHOR)
BEFORE = {"persons": ["mallory"], "algorithms": ["0" * 64]}
AFTER = BEFORE | {"algorithms": sorted(["0" * 64, digest_of(ALGORITHM)])}


def answer(*, signer: str = OFFICE, newest: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """What an honest registry hands over, with the changes of a dishonest one."""
    fields = {
        "version": 4, "issued": WORLD.now, "expires": WORLD.now + timedelta(days=7), "revoked": AFTER, **changes,
    }  # fmt: skip
    before = WORLD.status(**{"version": 3, "revoked": BEFORE, **(newest or {})})
    older = WORLD.status(version=2)
    return {
        "statement": encode_base64(statement_bytes(WORLD.status(**fields))),
        "algorithm": ALGORITHM.decode(),
        "roster": None,
        "statuses": [WORLD.sign(older, OFFICE).decode(), WORLD.sign(before, signer).decode()],
    }


def check(**changes: Any) -> Revocation:
    return check_revocation(answer(**changes), ROOT, OFFICE, WORLD.now)


def test_an_honest_registrys_revocation_is_signed_and_read_back() -> None:
    found = check()
    key = private_key(OFFICE)

    raw = found.signed(Signature(keyid=key.public.keyid, sig=key.sign(found.envelope.signed_bytes)))

    assert read_envelope(raw).untrusted(Status).revoked.algorithms == tuple(AFTER["algorithms"])
    assert any("association 1.0.0" in each for each in found.checks)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"office": "office-us"}, "status-other-office"),
        ({"version": 5}, "status-other"),
        ({"version": 3}, "status-other"),
        ({"revoked": BEFORE}, "status-other"),
        ({"revoked": AFTER | {"persons": []}}, "status-other"),
        ({"revoked": AFTER | {"nodes": ["node-fi"]}}, "status-other"),
        ({"revoked": AFTER | {"algorithms": [digest_of(ALGORITHM)]}}, "status-other"),
        ({"signer": "mallory"}, "key-unknown"),
        ({"newest": {"office": "office-us"}}, "status-other"),
        ({"issued": WORLD.now - timedelta(hours=2), "expires": WORLD.now + timedelta(days=1)}, "status-stale"),
    ],
)
def test_a_dishonest_registrys_revocation_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        check(**changes)
    assert refusal.value.code == code


def test_a_registry_that_shows_no_status_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        check_revocation(answer() | {"statuses": []}, ROOT, OFFICE, WORLD.now)
    assert refusal.value.code == "status-missing"


def test_nobody_else_signs_for_the_office() -> None:
    found, other = check(), private_key("mallory")
    with pytest.raises(Refused):
        found.signed(Signature(keyid=other.public.keyid, sig=other.sign(found.envelope.signed_bytes)))
