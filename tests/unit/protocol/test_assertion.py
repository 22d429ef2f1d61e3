"""Login assertions of machines (RFC 7523)."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from factory import NOW, private_key

from protocol.crypto.assertion import check_assertion, make_assertion, read_client_id
from protocol.crypto.keys import PrivateKey
from protocol.errors import Refused

HUB = "https://registry.example/api/v1/token"
KEY = private_key("node-fi")


def _part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _token(header: dict[str, Any] | None = None, key: PrivateKey = KEY, claims: Any = None, **changes: Any) -> str:
    """A token made by hand, so that it can be wrong in any way."""
    now = int(NOW.timestamp())
    true = {"iss": "node-fi", "sub": "node-fi", "aud": HUB, "iat": now, "exp": now + 60, "jti": "1"} | changes
    head = {"alg": "Ed25519", "kid": KEY.public.keyid} | (header or {})
    signed = f"{_part(head)}.{_part(true if claims is None else claims)}"
    return f"{signed}.{_part(key.sign(signed.encode()))}"


def _refusal(token: str, keys: Any = (KEY.public,), now: Any = NOW, audience: str = HUB) -> str:
    with pytest.raises(Refused) as refusal:
        check_assertion(token, keys, audience, now)
    return refusal.value.code


@pytest.mark.parametrize("key", [KEY, PrivateKey.generate_p256()], ids=["ed25519", "p256"])
def test_assertion_is_believed(key: PrivateKey) -> None:
    token = make_assertion(key, "node-fi", HUB, NOW)

    checked = check_assertion(token, [private_key("other").public, key.public], HUB, NOW)

    assert read_client_id(token) == checked.client_id == "node-fi"
    assert checked.expires == NOW + timedelta(minutes=2)
    assert (
        checked.token_id != check_assertion(make_assertion(key, "node-fi", HUB, NOW), [key.public], HUB, NOW).token_id
    )


def test_assertion_made_by_hand_is_believed() -> None:
    assert check_assertion(_token(), [KEY.public], HUB, NOW).token_id == "1"


def test_assertion_by_unknown_key_is_refused() -> None:
    assert _refusal(_token(), keys=()) == "key-unknown"
    assert _refusal(_token(header={"kid": "0" * 64})) == "key-unknown"


def test_assertion_signed_by_another_is_refused() -> None:
    assert _refusal(_token(key=private_key("mallory"))) == "assertion-invalid"


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256", "EdDSA", "", 7])
def test_assertion_may_not_choose_its_algorithm(alg: Any) -> None:
    assert _refusal(_token(header={"alg": alg})) == "assertion-invalid"


def test_assertion_under_the_public_key_as_a_secret_is_refused() -> None:
    """The classic confusion: HMAC under the verifier's own public key."""
    import hashlib
    import hmac

    header = _part({"alg": "HS256", "kid": KEY.public.keyid})
    signed = f"{header}.{_token().split('.')[1]}"
    forged = hmac.new(KEY.public.to_pem(), signed.encode(), hashlib.sha256).digest()

    assert _refusal(f"{signed}.{_part(forged)}") == "assertion-invalid"


def test_assertion_for_another_audience_is_refused() -> None:
    assert _refusal(_token(aud="https://other.example")) == "assertion-audience"
    assert _refusal(_token(aud=[HUB, "https://other.example"])) == "assertion-audience"


def test_assertion_with_another_issuer_is_refused() -> None:
    assert _refusal(_token(iss="registry")) == "assertion-invalid"


@pytest.mark.parametrize("minutes", [-5, 5])
def test_assertion_outside_its_time_is_refused(minutes: int) -> None:
    assert _refusal(_token(), now=NOW + timedelta(minutes=minutes)) == "assertion-expired"


def test_assertion_that_lives_long_is_refused() -> None:
    assert _refusal(_token(exp=int(NOW.timestamp()) + 3600)) == "assertion-expired"
    assert _refusal(_token(exp=int(NOW.timestamp()))) == "assertion-expired"


@pytest.mark.parametrize(
    "change",
    [
        {"exp": None},
        {"exp": "soon"},
        {"iat": 1.5},
        {"iat": True},
        {"exp": 2**40},
        {"jti": ""},
        {"sub": 7},
        {"jti": "x" * 201},
    ],
)
def test_assertion_with_claims_of_wrong_shape_is_refused(change: dict[str, Any]) -> None:
    assert _refusal(_token(**change)) == "assertion-invalid"


@pytest.mark.parametrize("claims", [b"no json", ["list"], b"[" * 1000, b"\xff", b""])
def test_assertion_without_claims_is_refused(claims: Any) -> None:
    assert _refusal(_token(claims=claims)) == "assertion-invalid"


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "....", "é.é.é", "x" * 5000, f"{_part([])}.{_part({})}.x"])
def test_assertion_that_is_no_token_is_refused(token: str) -> None:
    assert _refusal(token) == "assertion-invalid"
