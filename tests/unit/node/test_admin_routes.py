"""Every route of the admin page for everybody who may not use it: nothing readable, nothing done."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from admin_place import SAME, Browser, Place, addresses, make_place, token_in

from faces.sessions import IDLE
from sandbox.actions.show_audit import show_audit
from sandbox.store.admin import PolicyProposal
from sandbox.store.mark import read_mark
from sandbox.store.tables import JobRow

OPEN = {"/sign-in", "/enrol", "/enrol/passkey", "/static/{digest}/{name}", "/healthz"}
READABLE = re.compile(r"node-fi/|project-|adult|accepting|paused")

Fields = dict[str, str]
Role = Callable[[Place], tuple[Browser, Fields, dict[str, str], set[int]]]


def anonymous(place: Place) -> Any:
    return place.browser(), {}, SAME, {303, 401}


def made_up_session(place: Place) -> Any:
    browser = place.browser()
    browser.cookie = "a" * 64
    return browser, {"form_token": "0" * 64}, SAME, {303, 401}


def expired(place: Place) -> Any:
    browser = place.log_in("meri")
    token = token_in(browser.get("/").text)
    place.kit.clock.advance(IDLE.total_seconds())
    return browser, {"form_token": token}, SAME, {303, 401}


def logged_out(place: Place) -> Any:
    browser = place.log_in("meri")
    token, cookie = token_in(browser.get("/").text), browser.cookie
    browser.post("/sign-out", data={"form_token": token})
    browser.cookie = cookie
    return browser, {"form_token": token}, SAME, {303, 401}


def other_name(place: Place) -> Any:
    """A name that was bound anew to this machine: a browser sends its own site's word with it."""
    browser = place.log_in("meri")
    return browser, {"form_token": token_in(browser.get("/").text)}, SAME | {"Host": "evil.example"}, {400}


def no_token(place: Place) -> Any:
    return place.log_in("meri"), {}, SAME, {403}


def token_of_another(place: Place) -> Any:
    other = place.log_in("paivi")
    return place.log_in("meri"), {"form_token": token_in(other.get("/").text)}, SAME, {403}


def other_site(place: Place) -> Any:
    browser = place.log_in("meri")
    return browser, {"form_token": token_in(browser.get("/").text)}, {"Sec-Fetch-Site": "cross-site"}, {403}


def sibling_site(place: Place) -> Any:
    browser = place.log_in("meri")
    return browser, {"form_token": token_in(browser.get("/").text)}, {"Sec-Fetch-Site": "same-site"}, {403}


def old_browser_elsewhere(place: Place) -> Any:
    browser = place.log_in("meri")
    return browser, {"form_token": token_in(browser.get("/").text)}, {"Origin": "https://evil.example"}, {403}


def no_word_of_where(place: Place) -> Any:
    browser = place.log_in("meri")
    return browser, {"form_token": token_in(browser.get("/").text)}, {}, {403}


NOT_IN = (anonymous, made_up_session, expired, logged_out, other_name)
FORGED = (no_token, token_of_another, other_site, sibling_site, old_browser_elsewhere, no_word_of_where)


@pytest.fixture
def place(kit: Any) -> Place:
    found = make_place(kit)
    kit.take()
    return found


def routes(place: Place, method: str) -> list[str]:
    """Every address that needs a session, with a real job in it."""
    with place.desk.store.reading() as session:
        order = session.query(JobRow.id).scalar()
    return [address for m, path, address in addresses(place.app, order) if m == method and path not in OPEN]


def state(place: Place) -> Any:
    """Everything that a deed would change."""
    with place.desk.store.reading() as session:
        marks = [read_mark(session, f"node-{word}") for word in ("paused", "draining", "accepting")]
        jobs = [(row.id, row.state, row.cancel_requested, row.due_at) for row in session.query(JobRow)]
        proposed = session.query(PolicyProposal).count()
    return marks, jobs, proposed, show_audit(place.desk.store, 1000)


@pytest.mark.parametrize("role", NOT_IN)
def test_who_is_not_in_reads_nothing(place: Place, role: Role) -> None:
    browser, _, headers, refusals = role(place)
    found = routes(place, "GET")

    answers = {address: browser.get(address, headers=headers) for address in found}

    assert len(found) >= 10
    assert {
        address: answer.status_code for address, answer in answers.items() if answer.status_code not in refusals
    } == {}
    assert [address for address, answer in answers.items() if READABLE.search(answer.text)] == []


@pytest.mark.parametrize("role", [*NOT_IN, *FORGED])
def test_who_may_not_act_does_nothing(place: Place, role: Role) -> None:
    browser, fields, headers, refusals = role(place)
    found = routes(place, "POST")
    before = state(place)

    said = {a: browser.post(a, data={"reason": "r", "credential": "{}", **fields}, headers=headers) for a in found}

    assert len(found) >= 9
    assert {address: answer.status_code for address, answer in said.items() if answer.status_code not in refusals} == {}
    assert state(place) == before


def test_admin_may_do_what_the_others_may_not(place: Place) -> None:
    """The control: the same requests, from the admin's own page, are answered and do something."""
    browser = place.log_in("meri")
    token = token_in(browser.get("/").text)
    before = state(place)

    read = {address: browser.get(address).status_code for address in routes(place, "GET")}
    acts = [address for address in routes(place, "POST") if "policy" not in address and address != "/sign-out"]
    done = {address: browser.post(address, data={"reason": "r", "form_token": token}).status_code for address in acts}

    assert set(read.values()) == {200}
    assert set(done.values()) == {303}, done
    assert READABLE.search(browser.get("/jobs").text + browser.get("/").text)
    assert state(place) != before


def test_form_is_of_our_kind_and_not_too_large(place: Place) -> None:
    browser, kind = place.browser(), {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.post("/sign-in", headers=SAME | kind, content=b"a=" + b"x" * (1 << 20)).status_code == 413
    assert browser.post("/sign-in", headers=SAME | {"Content-Type": "text/plain"}, content=b"a=x").status_code == 400


def test_every_answer_keeps_browsers_from_loading_or_keeping_anything(place: Place) -> None:
    for address in ("/", "/sign-in", "/static/style.css", "/nothing", "/healthz", "/jobs/x", "/status/part"):
        said = place.browser().get(address).headers
        assert said["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in said["content-security-policy"]
        assert said["cache-control"] == "no-store"
        assert said["x-content-type-options"] == "nosniff"


def test_nothing_else_is_served(place: Place) -> None:
    browser = place.log_in("meri")
    for address in ("/nothing", "/static/app.py", "/static/..%2fapp.py", "/docs", "/openapi.json"):
        assert browser.get(address).status_code == 404
