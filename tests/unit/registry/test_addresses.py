"""Where mail goes: only to an address whose owner opened the link, as the person who asked; the former one is told."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from factory import AUTHOR, NODE
from mail_capture import Capture, capturing
from review_visits import shown, sign_everybody_in, visit
from sqlalchemy import select

from registry.actions import message
from registry.domain.address import LINK_LIVES, REQUESTS_MOST, REQUESTS_WITHIN
from registry.outbound.mail import Mailer
from registry.store.account import WebSession
from registry.store.tables import Event

OLD, NEW = "ada@old.test", "ada@new.test"


@pytest.fixture
def mailing(settled: Any) -> Iterator[tuple[Any, Capture]]:
    with capturing() as (capture, port):
        mailer = Mailer(f"smtp://127.0.0.1:{port}", "registry@registry.test")
        settled.desk = settled.app.state.desk = replace(settled.desk, mailer=mailer)
        sign_everybody_in(settled)
        yield settled, capture


def ask(hub: Any, address: str, who: str = AUTHOR) -> None:
    assert visit(hub, who, "/account/address", {"address": address}).status_code == 303


def link(hub: Any, capture: Capture, address: str) -> str:
    """Let the mail go, and return the path and code of the newest link that came to an address."""
    message.relay(hub.desk, hub.now)
    found = re.findall(r"http://localhost:8400(/account/address\?code=\S+)", capture.to(address)[-1].get_content())
    return str(found[-1])


def confirm(hub: Any, path: str, who: str = AUTHOR) -> int:
    return visit(hub, who, "/account/address/confirm", {"code": path.partition("code=")[2]}).status_code


def settle_on(hub: Any, capture: Capture, address: str) -> None:
    ask(hub, address)
    assert confirm(hub, link(hub, capture, address)) == 303


def test_mail_goes_to_an_address_once_its_link_was_opened_and_not_before(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    ask(hub, NEW)
    path = link(hub, capture, NEW)
    hub.submit()
    message.relay(hub.desk, hub.now)
    assert len(capture.letters) == 1

    assert NEW in shown(hub, AUTHOR, path)  # looking at the link, as mail servers do, confirms nothing
    hub.submit(version="2.0.0")
    message.relay(hub.desk, hub.now)
    assert len(capture.letters) == 1
    assert confirm(hub, path) == 303

    hub.submit(version="3.0.0")
    message.relay(hub.desk, hub.now)
    assert "Review of association 3.0.0: in review" in [each["Subject"] for each in capture.to(NEW)]
    assert f"also go to {NEW}" in re.sub("<[^>]+>", "", shown(hub, AUTHOR, "/account"))


def test_a_link_works_once(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    ask(hub, NEW)
    path = link(hub, capture, NEW)

    assert [confirm(hub, path) for _ in range(2)] == [303, 403]
    assert "address-stale" in visit(hub, AUTHOR, path).text


def test_a_link_ends_an_hour_after_its_letter_left(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    ask(hub, NEW)
    hub.now += timedelta(minutes=20)  # the mail waited; the hour begins when it goes
    path = link(hub, capture, NEW)
    sign_in_again = hub.now + LINK_LIVES
    hub.now = sign_in_again - timedelta(seconds=1)
    renew(hub)
    assert visit(hub, AUTHOR, path).status_code == 200

    hub.now = sign_in_again

    assert confirm(hub, path) == 403


def renew(hub: Any) -> None:
    """Sessions last half an hour; these are in use."""
    with hub.desk.store.transaction() as tx:
        for row in tx.scalars(select(WebSession)).all():
            row.seen = hub.now


def test_a_link_is_for_whoever_asked(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    ask(hub, NEW)
    path = link(hub, capture, NEW)

    assert confirm(hub, path, "meri") == 403
    assert visit(hub, None, path).headers["location"].startswith("/sign-in?next=/account/address%3Fcode%3D")
    assert confirm(hub, "code=" + "x" * 43) == 403
    assert confirm(hub, "code=") == 403
    assert confirm(hub, path) == 303


def test_asking_anew_ends_the_former_link(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    ask(hub, OLD)
    stale = link(hub, capture, OLD)
    ask(hub, NEW)
    path = link(hub, capture, NEW)

    assert confirm(hub, stale) == 403
    assert confirm(hub, path) == 303


def test_a_request_that_was_withdrawn_sends_nothing(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    ask(hub, NEW)
    assert visit(hub, AUTHOR, "/account/address/remove", {}).status_code == 303

    assert message.relay(hub.desk, hub.now) == 0
    assert capture.letters == []


def test_the_former_address_is_told_of_a_change_and_of_a_removal(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    settle_on(hub, capture, OLD)
    settle_on(hub, capture, NEW)
    message.relay(hub.desk, hub.now)
    (change,) = (each for each in capture.to(OLD) if each["Subject"] == "Your mail address was changed")
    assert NEW not in change.as_string()
    assert "another address from now on" in change.get_content()

    visit(hub, AUTHOR, "/account/address/remove", {})
    message.relay(hub.desk, hub.now)

    assert "is not sent any more" in capture.to(NEW)[-1].get_content()
    hub.submit()
    assert message.relay(hub.desk, hub.now) == 0
    assert "Your mail address was changed" in shown(hub, AUTHOR, "/inbox")


def test_letters_name_nobody_and_nothing_keeps_the_code(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    ask(hub, NEW)
    path = link(hub, capture, NEW)
    code = path.partition("code=")[2]
    (letter,) = capture.letters
    hub.desk.store.scrub()

    assert AUTHOR not in letter.get_content().replace(path, "").split()
    assert not any(word in letter.get_content() for word in ("association", "vote", "committee"))
    assert code not in shown(hub, AUTHOR, "/inbox")
    with hub.desk.store.reading() as tx:
        assert not any(NEW in str(each.detail) or code in str(each.detail) for each in tx.scalars(select(Event)).all())
    if (hub.directory / "registry.db").exists():
        assert code.encode() not in (hub.directory / "registry.db").read_bytes()


def test_a_letter_that_is_tried_again_has_a_code_that_works(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    capture.failures = 1
    ask(hub, NEW)
    assert message.relay(hub.desk, hub.now) == 0
    hub.now += message.FIRST_PAUSE

    assert confirm(hub, link(hub, capture, NEW)) == 303


def test_who_asks_too_often_waits(mailing: tuple[Any, Capture]) -> None:
    hub, _ = mailing
    for number in range(REQUESTS_MOST):
        ask(hub, f"a{number}@people.test")

    refused = visit(hub, AUTHOR, "/account/address", {"address": NEW})
    assert (refused.status_code, "too-many" in refused.text) == (429, True)
    assert hub.request("PUT", "/messages/address", AUTHOR, json={"address": NEW}).status_code == 429
    ask(hub, "meri@people.test", "meri")
    hub.now += REQUESTS_WITHIN
    renew(hub)
    ask(hub, NEW)


def test_through_the_api_an_address_is_asked_for_and_mail_is_forgotten(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    assert hub.request("PUT", "/messages/address", AUTHOR, json={"address": NEW}).status_code == 204
    assert NEW not in shown(hub, AUTHOR, "/account").partition("A link goes to")[0]
    assert confirm(hub, link(hub, capture, NEW)) == 303

    assert hub.request("PUT", "/messages/address", AUTHOR, json={"address": None}).status_code == 204
    assert "in your inbox, and nowhere else" in shown(hub, AUTHOR, "/account")
    assert hub.request("PUT", "/messages/address", NODE, json={"address": NEW}).status_code == 403  # signs in nowhere


@pytest.mark.parametrize("address", ["", "meri", "a@b\r\nBcc: c@d", "a b@c", "meri@", '"x"@y', "a@-", "<b>@y.test"])
def test_what_is_no_address_comes_back_beside_its_reason(mailing: tuple[Any, Capture], address: str) -> None:
    hub, _ = mailing

    answer = visit(hub, AUTHOR, "/account/address", {"address": address})

    assert answer.status_code == 400
    assert "This is no plain mail address" in answer.text
    assert "<b>" not in answer.text
    assert message.relay(hub.desk, hub.now) == 0


def test_a_registry_without_a_mail_server_says_so(settled: Any) -> None:
    sign_everybody_in(settled)

    assert "Not possible: This registry sends no mail." in shown(settled, AUTHOR, "/account")
    answer = visit(settled, AUTHOR, "/account/address", {"address": NEW})
    assert (answer.status_code, "mail-off" in answer.text) == (409, True)
