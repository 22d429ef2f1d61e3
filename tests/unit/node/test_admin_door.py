"""Nobody comes in but an admin with the passkey that was enrolled here, by a code from the node's shell, used once."""

import datetime as dt
from typing import Any

import pytest
from admin_place import Browser, Place, SoftPasskey, make_place, options_in, send

from faces.errors import SignInNeeded
from faces.sessions import ABSOLUTE as LONGEST
from faces.sessions import IDLE
from sandbox.actions import admin_account
from sandbox.domain.admin import CHALLENGE, CODE
from sandbox.errors import BadInput
from sandbox.store.admin import AdminRow, AdminSession


@pytest.fixture
def place(kit: Any) -> Place:
    return make_place(kit)


def answer_login(place: Place, browser: Browser, name: str, **changes: Any) -> Any:
    """Log in with an admin's passkey, as the page's script does."""
    options = options_in(browser.get("/sign-in").text)
    return send(browser, "/sign-in", "/sign-in", credential=place.passkeys[name].answer(options, **changes))


def is_in(browser: Browser) -> bool:
    return browser.get("/").status_code == 200


def test_admin_logs_out_and_in_again_with_the_enrolled_passkey(place: Place) -> None:
    browser = place.log_in("meri")
    assert is_in(browser)
    assert browser.post("/sign-out", data={"form_token": "wrong"}).status_code == 403
    assert is_in(browser)

    again = place.browser()
    entered = answer_login(place, again, "meri")

    assert entered.headers["location"] == "/"
    assert is_in(again)
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


WRONG_ANSWERS: dict[str, dict[str, Any]] = {
    "another page's origin": {"origin": "http://localhost:9999"},
    "a frame of another site": {"origin": "https://evil.example", "cross_origin": True},
    "another site's id": {"rp_id": "evil.example"},
    "no person verified": {"user_verified": False},
    "no person present": {"user_present": False},
    "an enrolment": {"type": "webauthn.create"},
    "a challenge of nobody": {"challenge": b"c" * 56},
    "a short challenge": {"challenge": b"c"},
}


def test_wrong_answer_lets_nobody_in(place: Place) -> None:
    place.log_in("meri")
    for fault, changes in WRONG_ANSWERS.items():
        browser = place.browser()
        assert answer_login(place, browser, "meri", **changes).status_code == 403, fault
        assert not is_in(browser), fault


def test_answer_counts_once_and_not_for_long(place: Place) -> None:
    place.log_in("meri")
    browser = place.browser()
    answer = place.passkeys["meri"].answer(options_in(browser.get("/sign-in").text))
    late = place.passkeys["meri"].answer(options_in(browser.get("/sign-in").text))

    assert send(browser, "/sign-in", "/sign-in", credential=answer).status_code == 303
    assert send(place.browser(), "/sign-in", "/sign-in", credential=answer).status_code == 403
    place.kit.clock.advance(CHALLENGE.total_seconds())
    assert send(place.browser(), "/sign-in", "/sign-in", credential=late).status_code == 403


def test_challenge_for_one_purpose_does_not_answer_another(place: Place) -> None:
    place.log_in("meri")
    code = admin_account.invite(place.desk.store, "paivi", place.desk.now())
    browser = place.browser()
    enrolment = options_in(send(browser, "/enrol", "/enrol", invitation=code).text)

    assert send(browser, "/sign-in", "/sign-in", credential=place.passkeys["meri"].answer(enrolment)).status_code == 403


HOSTILE = ["", "[]", "{}", "null", '{"id": 1}', '{"id": "x", "response": []}', "[" * 9000, "x" * 20_000]


def test_hostile_answer_is_refused(place: Place) -> None:
    browser = place.browser()
    assert {send(browser, "/sign-in", "/sign-in", credential=answer).status_code for answer in HOSTILE} <= {403, 422}


def test_stranger_with_a_passkey_of_their_own_is_unknown(place: Place) -> None:
    place.passkeys["eve"] = SoftPasskey("eve")
    browser = place.browser()
    assert "No admin of this node has that passkey" in answer_login(place, browser, "eve").text


def test_signature_of_another_key_under_a_known_name_is_refused(place: Place) -> None:
    place.log_in("meri")
    eve = place.passkeys["eve"] = SoftPasskey("eve")
    eve.id = place.passkeys["meri"].id

    assert answer_login(place, place.browser(), "eve").status_code == 403


def test_code_enrols_once_and_within_an_hour(place: Place) -> None:
    store, now = place.desk.store, place.desk.now
    first = admin_account.invite(store, "meri", now())
    second = admin_account.invite(store, "meri", now())  # the first is void
    browser = place.browser()
    assert send(browser, "/enrol", "/enrol", invitation=first).status_code == 403
    options = options_in(send(browser, "/enrol", "/enrol", invitation=second).text)
    enrolled = {"invitation": second, "credential": SoftPasskey("meri").enrol(options)}
    assert send(browser, "/enrol", "/enrol/passkey", **enrolled).status_code == 303
    assert send(place.browser(), "/enrol", "/enrol/passkey", **enrolled).status_code == 403

    late = admin_account.invite(store, "paivi", now())
    place.kit.clock.advance(CODE.total_seconds())
    assert send(browser, "/enrol", "/enrol", invitation=late).status_code == 403


def test_two_admins_cannot_share_a_passkey(place: Place) -> None:
    place.log_in("meri")
    code = admin_account.invite(place.desk.store, "paivi", place.desk.now())
    browser = place.browser()
    options = options_in(send(browser, "/enrol", "/enrol", invitation=code).text)

    same = place.passkeys["meri"].enrol(options)
    shared = send(browser, "/enrol", "/enrol/passkey", invitation=code, credential=same)

    assert shared.status_code == 403
    assert "one of their own" in shared.text


def test_new_enrolment_and_removal_end_every_session(place: Place) -> None:
    before = place.log_in("meri")
    after = place.log_in("meri")
    assert (is_in(before), is_in(after)) == (False, True)

    admin_account.remove(place.desk.store, "meri", place.desk.now())

    assert not is_in(after)
    assert answer_login(place, place.browser(), "meri").status_code == 403


@pytest.mark.parametrize(("uses", "pause", "still"), [(1, IDLE - dt.timedelta(minutes=2), True), (1, IDLE, False)])
def test_session_ends_when_it_is_not_used(place: Place, uses: int, pause: dt.timedelta, still: bool) -> None:
    browser = place.log_in("meri")
    place.kit.clock.advance(pause.total_seconds())
    assert is_in(browser) is still


def test_session_ends_after_a_day_of_work_and_a_timer_does_not_prolong_it(place: Place) -> None:
    worked, watched = place.log_in("meri"), place.log_in("paivi")
    step, steps = (IDLE * 0.75).total_seconds(), int(LONGEST / (IDLE * 0.75))
    seen = []
    for _ in range(steps):
        place.kit.clock.advance(step)
        seen.append((worked.get("/jobs").status_code, watched.get("/jobs/part").status_code))

    assert [page for page, _ in seen] == [200] * (steps - 1) + [303]
    assert [part for _, part in seen] == [200] + [401] * (steps - 1)


def test_database_holds_neither_codes_nor_tokens(place: Place) -> None:
    browser = place.log_in("meri")
    code = admin_account.invite(place.desk.store, "paivi", place.desk.now())
    with place.desk.store.reading() as session:
        held = [vars(row) for kind in (AdminRow, AdminSession) for row in session.query(kind)]

    assert held
    assert browser.cookie
    assert code not in str(held)
    assert browser.cookie not in str(held)


def test_name_that_would_not_read_in_the_audit_is_refused(place: Place) -> None:
    for name in ("", "Meri", "a b", "<b>", "x" * 51, "../x", "meri\n"):
        with pytest.raises(BadInput):
            admin_account.invite(place.desk.store, name, place.desk.now())


def test_unknown_admin_cannot_be_removed(place: Place) -> None:
    with pytest.raises(BadInput):
        admin_account.remove(place.desk.store, "nobody", place.desk.now())
    with pytest.raises(SignInNeeded):
        admin_account.read_visitor(place.desk.store, "", place.desk.now(), prolong=True)
