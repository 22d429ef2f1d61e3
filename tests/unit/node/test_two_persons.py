"""A raised cap takes effect only after two admins, with two passkeys, confirmed that very policy."""

from typing import Any

import pytest
from admin_place import Browser, Place, act, make_place, options_in
from factory import HOLDER, digest_of

from sandbox.actions.policy import check_policy
from sandbox.actions.show_audit import show_audit
from sandbox.errors import Refused
from sandbox.store.policy import last_policy


@pytest.fixture
def place(kit: Any) -> Place:
    return make_place(kit)


def successor(place: Place, **changes: Any) -> bytes:
    policy = place.kit.node.trust.policy
    return place.kit.world.sign(policy.model_copy(update={"version": policy.version + 1, **changes}), HOLDER)


def raised(place: Place) -> bytes:
    return successor(place, pool_cap_nano=place.kit.node.trust.policy.pool_cap_nano + 1)


def take_effect(place: Place, raw: bytes) -> int:
    """What the node does with an accepted policy; returns the version in effect."""
    check_policy(place.desk.store, place.desk.ledger_head, raw, place.desk.now())
    with place.desk.store.reading() as session:
        row = last_policy(session)
    assert row is not None
    return row.version


def confirm(place: Place, browser: Browser, name: str, digest: str, by: str | None = None) -> Any:
    options = options_in(browser.get("/policy").text)
    answer = place.passkeys[by or name].answer(options)
    return act(browser, f"/policy/{digest}/confirm", credential=answer)


def test_cap_rises_when_two_admins_confirmed_and_not_before(place: Place) -> None:
    raw = raised(place)
    digest = digest_of(raw)
    meri, paivi = place.log_in("meri"), place.log_in("paivi")
    with pytest.raises(Refused, match="policy-unconfirmed"):
        take_effect(place, raw)
    proposed = act(meri, "/policy", policy=raw.decode())
    assert proposed.status_code == 303, proposed.text
    assert "pool_cap_nano" in paivi.get("/policy").text

    assert confirm(place, meri, "meri", digest).status_code == 303
    assert "you confirmed it already; another admin has to" in meri.get("/policy").text
    with pytest.raises(Refused, match="policy-unconfirmed"):
        take_effect(place, raw)
    assert confirm(place, paivi, "paivi", digest).status_code == 303

    assert f"--accept {digest}" in paivi.get("/policy").text
    assert take_effect(place, raw) == 2
    done = [(line["who"], line["action"]) for line in show_audit(place.desk.store, 100) if line["subject"] == digest]
    assert done[:3] == [
        ("admin:meri", "policy-proposed"),
        ("admin:meri", "policy-confirmed"),
        ("admin:paivi", "policy-confirmed"),
    ]


def test_one_admin_is_never_two(place: Place) -> None:
    """Not twice, not with the other's passkey, and not with one that was taken away since."""
    raw = raised(place)
    digest = digest_of(raw)
    meri, _ = place.log_in("meri"), place.log_in("paivi")
    act(meri, "/policy", policy=raw.decode())
    options = options_in(meri.get("/policy").text)
    assert confirm(place, meri, "meri", digest, by="paivi").status_code == 403
    first, again = (place.passkeys["meri"].answer(options, behind=b"") for _ in range(2))
    assert act(meri, f"/policy/{digest}/confirm", credential=first).status_code == 303
    assert act(meri, f"/policy/{digest}/confirm", credential=again).status_code == 403
    with pytest.raises(Refused, match="policy-unconfirmed"):
        take_effect(place, raw)


def test_confirmation_dies_with_its_passkey(place: Place) -> None:
    from sandbox.actions.admin_account import remove

    raw = raised(place)
    digest = digest_of(raw)
    meri, paivi = place.log_in("meri"), place.log_in("paivi")
    place.log_in("aino")
    act(meri, "/policy", policy=raw.decode())
    confirm(place, meri, "meri", digest)
    confirm(place, paivi, "paivi", digest)

    remove(place.desk.store, "meri", place.desk.now())

    with pytest.raises(Refused, match="policy-unconfirmed"):
        take_effect(place, raw)


def test_answer_for_one_policy_confirms_no_other(place: Place) -> None:
    one, other = raised(place), successor(place, job_cap_nano=place.kit.node.trust.policy.job_cap_nano + 1)
    meri = place.log_in("meri")
    act(meri, "/policy", policy=one.decode())
    options = options_in(meri.get("/policy").text)
    place.kit.clock.advance(1)
    act(meri, "/policy", policy=other.decode())

    answer = place.passkeys["meri"].answer(options)

    assert act(meri, f"/policy/{digest_of(other)}/confirm", credential=answer).status_code == 403


def test_lowered_cap_takes_no_confirmation(place: Place) -> None:
    place.log_in("meri")
    place.log_in("paivi")
    assert take_effect(place, successor(place, pool_cap_nano=place.kit.node.trust.policy.pool_cap_nano - 1)) == 2


def test_node_without_two_admins_has_the_holder_signatures_alone(place: Place) -> None:
    place.log_in("meri")
    assert take_effect(place, raised(place)) == 2


def test_policy_that_the_holder_did_not_sign_is_not_even_proposed(place: Place) -> None:
    meri = place.log_in("meri")
    policy = place.kit.node.trust.policy
    forged = place.kit.world.sign(policy.model_copy(update={"version": 2, "pool_cap_nano": 10**12}), "stranger")
    for text in (forged.decode(), "", "{}", successor(place, version=3).decode()):
        assert act(meri, "/policy", policy=text).status_code in (403, 409, 422)
    assert "No later policy lies before the admins." in meri.get("/policy").text
