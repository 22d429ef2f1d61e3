"""Logging in, and everything that must not get a token or keep one."""

from datetime import timedelta
from typing import Any

import pytest
from factory import AUTHOR, NODE, OFFICE, RESEARCHER, key_entry

from registry.store.tables import AccessToken


def test_a_person_a_node_a_member_and_an_office_can_log_in(settled: Any) -> None:
    for who in (RESEARCHER, NODE, "meri", OFFICE):
        answer = settled.log_in(settled.assertion(who), client_id=who)
        assert answer.status_code == 200
        assert answer.json()["expires_in"] == 600


def test_a_token_is_kept_as_its_hash_only(settled: Any) -> None:
    token = settled.token(RESEARCHER)

    with settled.desk.store.reading() as tx:
        kept = [row.hash for row in tx.query(AccessToken)]
    assert len(kept) == 1
    assert token not in kept


def test_the_token_endpoint_is_an_audience_too(settled: Any) -> None:
    answer = settled.log_in(settled.assertion(RESEARCHER, audience="http://registry.test/api/v1/token"))

    assert answer.status_code == 200


def test_a_replayed_assertion_is_refused(settled: Any) -> None:
    assertion = settled.assertion(RESEARCHER)
    settled.log_in(assertion)

    assert_refused(settled.log_in(assertion), "assertion-replayed")


def test_an_assertion_for_another_registry_is_refused(settled: Any) -> None:
    assert_refused(settled.log_in(settled.assertion(RESEARCHER, audience="http://evil.test")), "assertion-audience")


def test_an_old_assertion_is_refused(settled: Any) -> None:
    old = settled.assertion(RESEARCHER, now=settled.now - timedelta(hours=1))

    assert_refused(settled.log_in(old), "assertion-expired")


def test_a_stranger_is_refused(settled: Any) -> None:
    assert_refused(settled.log_in(settled.assertion("eve")), "client-unknown")


def test_another_persons_key_is_refused(settled: Any) -> None:
    from factory import private_key

    assert_refused(settled.log_in(settled.assertion(RESEARCHER, key=private_key(AUTHOR))), "key-unknown")


def test_another_client_id_beside_the_assertion_is_refused(settled: Any) -> None:
    assert_refused(settled.log_in(settled.assertion(RESEARCHER), client_id=AUTHOR), "assertion-client")


@pytest.mark.parametrize("assertion", ["", "x", "a.b.c", "e30.e30.", "é", "." * 5000])
def test_garbage_is_refused(settled: Any, assertion: str) -> None:
    assert settled.log_in(assertion).status_code in (400, 401)


def test_an_expired_token_is_refused(settled: Any) -> None:
    token = settled.token(RESEARCHER)
    settled.now += timedelta(seconds=600)

    assert_refused(bearing(settled, token), "token-invalid")


@pytest.mark.parametrize(
    ("revoked", "code"),
    [({"persons": [RESEARCHER]}, "person-revoked"), ({"keys": [key_entry(RESEARCHER)["keyid"]]}, "key-revoked")],
)
def test_revocation_reaches_live_tokens(settled: Any, revoked: dict[str, list[str]], code: str) -> None:
    token = settled.token(RESEARCHER)
    settled.publish("statuses", settled.world.sign(settled.world.status(version=2, revoked=revoked), OFFICE))

    assert_refused(bearing(settled, token), code)
    assert settled.log_in(settled.assertion(RESEARCHER)).status_code == 401


def test_a_node_revoked_cannot_log_in(settled: Any) -> None:
    settled.publish("statuses", settled.world.sign(settled.world.status(version=2, revoked={"nodes": [NODE]}), OFFICE))

    assert_refused(settled.log_in(settled.assertion(NODE)), "node-revoked")


def test_a_member_of_a_revoked_roster_cannot_log_in(settled: Any) -> None:
    revoked = {"rosters": [settled.roster]}
    settled.publish("statuses", settled.world.sign(settled.world.status(version=2, revoked=revoked), OFFICE))

    assert_refused(settled.log_in(settled.assertion("meri")), "client-unknown")


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer x", "Bearer x y", "bearer \x7f"])
def test_a_bad_token_is_refused_even_where_none_is_needed(settled: Any, header: str) -> None:
    answer = settled.request("GET", "/reviews", headers={"Authorization": header})

    assert_refused(answer, "token-invalid")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_another_scheme_is_refused(settled: Any) -> None:
    answer = settled.request("GET", "/reviews", headers={"Authorization": "Basic eDp5"})

    assert (answer.status_code, answer.json()["code"]) == (400, "token-scheme")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "grant-unsupported"),
        (b"\xff=1", "form-malformed"),
        (b"a=1&a=2", "form-malformed"),
        (b"&".join(b"a%d=1" % n for n in range(9)), "form-malformed"),
        (b"grant_type=password", "grant-unsupported"),
        (b'{"grant_type": "client_credentials"}', "form-malformed"),
    ],
)
def test_a_bad_form_is_refused(settled: Any, body: bytes, code: str) -> None:
    answer = settled.post("/token", body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


def bearing(hub: Any, token: str) -> Any:
    return hub.request("GET", "/orders", headers={"Authorization": f"Bearer {token}"})


def assert_refused(answer: Any, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (401, code), answer.text
