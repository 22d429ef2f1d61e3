"""Messages: who is told what, that mail is never lost and never told twice, and that it says nothing sensitive."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from factory import AUTHOR, RESEARCHER
from mail_capture import Capture, capturing
from review_requests import review_request

from registry.actions import message, tend
from registry.domain.workflow import Stage, Workflow
from registry.errors import Misconfigured, Undelivered
from registry.outbound.mail import Letter, Mailer
from registry.store import message as addresses

FIVE_DAYS = Workflow(name="short", stages=(Stage(name="review", committees=("*",), working_days=5),))


@pytest.fixture
def capture() -> Iterator[tuple[Capture, int]]:
    with capturing() as found:
        yield found


@pytest.fixture
def mailing(settled: Any, capture: tuple[Capture, int]) -> tuple[Any, Capture]:
    mailer = Mailer(f"smtp://127.0.0.1:{capture[1]}", "registry@registry.test")
    settled.desk = settled.app.state.desk = replace(settled.desk, mailer=mailer, workflow=FIVE_DAYS)
    with settled.desk.store.transaction() as tx:
        for person in (AUTHOR, "meri", "mikko", "maria"):
            addresses.set_address(tx, person, f"{person}@people.test")  # by a link: test_addresses.py
    return settled, capture[0]


def ask(hub: Any, algorithm: str) -> None:
    asked = review_request(hub.world)
    assert hub.request("POST", f"/reviews/{algorithm}/requests", AUTHOR, json=asked).status_code == 201


def told(capture: Capture, person: str) -> list[str]:
    return [str(each["Subject"]) for each in capture.letters if each["To"] == f"{person}@people.test"]


def inbox(hub: Any, person: str) -> list[dict[str, str]]:
    return list(hub.request("GET", "/messages", person).json()["messages"])


def reject(hub: Any, algorithm: str) -> None:
    for member in ("meri", "mikko"):
        hub.vote(algorithm, member, decision="reject", rationale="The range would show a single person.")


def test_everybody_concerned_is_told_also_of_a_rejection(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    algorithm = hub.submit()
    ask(hub, algorithm)
    reject(hub, algorithm)

    message.relay(hub.desk, hub.now)

    assert told(capture, AUTHOR) == ["Review of association 1.0.0: in review", "Review of association 1.0.0: rejected"]
    asked = "Review of association 1.0.0: your vote is asked for"
    assert told(capture, "maria") == [asked, "Review of association 1.0.0: rejected"]
    body = capture.letters[-1].get_content()
    assert f"http://localhost:8400/reviews/{algorithm}" in body
    assert not any(word in each.as_string() for each in capture.letters for word in ("single person", "meri votes"))


def test_a_letter_names_no_other_person_and_no_vote(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    algorithm = hub.submit()
    ask(hub, algorithm)
    before = len(inbox(hub, "mikko")), len(inbox(hub, AUTHOR))

    hub.vote(algorithm, "meri", decision="reject")

    assert (len(inbox(hub, "mikko")), len(inbox(hub, AUTHOR))) == before  # a blind vote tells nobody anything
    message.relay(hub.desk, hub.now)
    for each in capture.letters:
        others = {"meri", "mikko", "maria", RESEARCHER} - {str(each["To"]).partition("@")[0]}
        assert not any(person in each.get_content() for person in others)


def test_a_server_that_fails_costs_time_and_no_message(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    capture.failures = 1
    hub.submit()

    assert message.relay(hub.desk, hub.now) == 0
    assert message.relay(hub.desk, hub.now + timedelta(seconds=29)) == 0
    assert message.relay(hub.desk, hub.now + timedelta(seconds=30)) == 1
    assert message.relay(hub.desk, hub.now + timedelta(days=1)) == 0
    assert told(capture, AUTHOR) == ["Review of association 1.0.0: in review"]


def test_no_server_at_all_loses_nothing(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    alive = hub.desk
    hub.submit()
    dead = replace(alive, mailer=Mailer("smtp://127.0.0.1:1", "registry@registry.test"))
    now = hub.now
    for _ in range(12):
        assert message.relay(dead, now) == 0
        now += message.LONGEST_PAUSE

    assert message.relay(alive, now) == 1
    assert len(capture.letters) == 1


def test_a_crash_between_sending_and_noting_sends_the_same_letter_again(
    mailing: tuple[Any, Capture], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, capture = mailing
    hub.submit()

    class PowerCut(Exception):
        pass

    def cut(*_: Any) -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr("registry.store.message.sent", cut)
        with pytest.raises(PowerCut):
            message.relay(hub.desk, hub.now)
    assert message.relay(hub.desk, hub.now + timedelta(seconds=1)) == 0
    assert message.relay(hub.desk, hub.now + message.LEASE) == 1

    assert len(capture.letters) == 2
    assert len({str(each["Message-ID"]) for each in capture.letters}) == 1
    assert message.relay(hub.desk, hub.now + timedelta(days=3)) == 0


def test_working_days_bring_one_digest_and_one_reminder(mailing: tuple[Any, Capture]) -> None:
    hub, _ = mailing
    algorithm = hub.submit()
    ask(hub, algorithm)
    hub.vote(algorithm, "meri")
    titles: list[tuple[int, str]] = []
    for day in range(7):  # from Monday on
        seen = len(inbox(hub, "mikko"))
        tend.tend(hub.desk, hub.now + timedelta(days=day, hours=-1))
        tend.tend(hub.desk, hub.now + timedelta(days=day))
        new = inbox(hub, "mikko")[: len(inbox(hub, "mikko")) - seen]
        titles += [(day, each["title"]) for each in reversed(new)]

    digest, due = "1 review(s) wait for your vote", "Review of association 1.0.0: due soon"
    assert titles == [(0, digest), (1, digest), (2, digest), (3, digest), (4, due), (4, digest)]
    assert not any("wait" in each["title"] or "due" in each["title"] for each in inbox(hub, "meri"))


def test_without_an_address_there_is_the_inbox_alone(mailing: tuple[Any, Capture]) -> None:
    hub, capture = mailing
    with hub.desk.store.transaction() as tx:
        addresses.set_address(tx, AUTHOR, None)
    hub.submit()

    message.relay(hub.desk, hub.now)

    assert capture.letters == []
    assert [each["title"] for each in inbox(hub, AUTHOR)] == ["Review of association 1.0.0: in review"]
    assert inbox(hub, RESEARCHER) == []
    assert hub.request("GET", "/messages").status_code == 401


@pytest.mark.parametrize("address", ["", "meri", "a@b\r\nBcc: c@d", "a b@c", "meri@", '"x"@y', "a@-"])
def test_odd_addresses_are_refused(settled: Any, address: str) -> None:
    assert settled.request("PUT", "/messages/address", "meri", json={"address": address}).status_code == 422


@pytest.mark.parametrize(
    ("url", "sender"), [("http://a", "a@b"), ("smtp://", "a@b"), ("smtp://a", "nobody"), ("smtp://a", "a@b\nc")]
)
def test_an_odd_mail_server_refuses_the_start(url: str, sender: str) -> None:
    with pytest.raises(Misconfigured):
        Mailer(url, sender)


def test_another_machine_is_spoken_to_under_tls_only(
    capture: tuple[Capture, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.outbound.mail._HERE", frozenset())  # as if this machine were another

    with pytest.raises(Undelivered):
        Mailer(f"smtp://127.0.0.1:{capture[1]}", "a@b.test").send(Letter(to="a@b.test", title="t", text="x", name="n"))

    assert capture[0].letters == []
