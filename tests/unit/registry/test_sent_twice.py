"""What may happen to a form: sent twice, sent by two at once, sent after the session's end. Nothing doubles, breaks or
is lost without a word.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import httpx
import pytest
from factory import AUTHOR, COMMITTEE, PROJECT
from review_visits import BROWSERS, asked_review, decision_form, shown, visit
from sqlalchemy import func, select

from faces.sessions import IDLE
from registry.store.tables import Event
from registry.store.tables_message import Message
from registry.store.tables_review import Declaration, PreparedDecision, ReviewComment

TYPED = "My reasons, <b>at length</b>."
ROUNDS = 4


@pytest.fixture
def asked(settled: Any) -> tuple[Any, str]:
    return settled, asked_review(settled)


def at_once(*calls: Callable[[], httpx.Response]) -> list[int]:
    """Make these requests from threads that let go together; return their answers' status."""
    start = Barrier(len(calls))

    def call(request: Callable[[], httpx.Response]) -> int:
        start.wait(10)
        return request().status_code

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def number(hub: Any, table: Any, *where: Any) -> int:
    with hub.desk.store.reading() as tx:
        return int(tx.scalars(select(func.count()).select_from(table).where(*where)).one())


def test_two_members_vote_at_the_same_instant_and_both_count_once(settled: Any) -> None:
    for round_ in range(ROUNDS):
        algorithm = asked_review(settled, signed_in=round_ > 0, name=f"one-{round_}")
        votes = {
            who: settled.world.sign(settled.world.approval(who, algorithm, settled.roster), who)
            for who in ("meri", "mikko")
        }

        answers = at_once(*(lambda raw=raw: settled.post("/approvals", raw) for raw in votes.values()))

        assert answers == [201, 201]
        found = next(one for one in reviews(settled) if one["digest"] == algorithm)
        assert (found["state"], found["quorum"][0]["approvals"]) == ("approved", 2)
        for state in ("in_review", "consolidating", "approved"):
            assert number(settled, Event, Event.subject == algorithm, Event.verb == f"review.{state}") == 1, state
        told = (Message.person == AUTHOR, Message.path.contains(algorithm), Message.title.endswith(": approved"))
        assert number(settled, Message, *told) == 1


def reviews(hub: Any) -> list[dict[str, Any]]:
    return list(hub.request("GET", "/reviews").json()["reviews"])


def test_one_vote_that_is_sent_twice_at_once_counts_once(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    raw = hub.world.sign(hub.world.approval("meri", algorithm, hub.roster), "meri")

    answers = at_once(*[lambda: hub.post("/approvals", raw)] * 3)

    assert sorted(answers) == [200, 200, 201]
    hub.vote(algorithm, "mikko")
    (found,) = reviews(hub)
    assert (found["state"], found["quorum"][0]["approvals"]) == ("approved", 2)


@pytest.mark.parametrize("together", [True, False])
def test_a_form_that_is_sent_twice_is_taken_once(asked: tuple[Any, str], together: bool) -> None:
    hub, algorithm = asked
    here = f"/reviews/{algorithm}"
    place = {"committee": COMMITTEE, "project": PROJECT}

    def twice(act: str, form: dict[str, Any]) -> list[int]:
        calls = [lambda: visit(hub, "meri", f"{here}/{act}", form)] * 2
        return at_once(*calls) if together else [call().status_code for call in calls]

    assert twice("declare", {"committee": COMMITTEE, "conflict": "no"}) == [303, 303]
    assert twice("comment", {**place, "text": TYPED, "act": "comment"}) == [303, 303]
    assert twice("decide", decision_form()) == [303, 303]
    for table in (Declaration, ReviewComment, PreparedDecision):
        assert number(hub, table) == 1, table

    undone = twice("undo", {"statement": prepared(hub)})
    assert sorted(undone) == [303, 404]
    assert sorted(twice("comment", {**place, "text": TYPED, "act": "return"})) == [303, 409]
    assert number(hub, Event, Event.subject == algorithm, Event.verb == "review.returned") == 1


def prepared(hub: Any) -> str:
    with hub.desk.store.reading() as tx:
        return str(tx.scalars(select(PreparedDecision.digest)).one())


def test_other_words_and_the_same_words_later_are_kept(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    hub.vote(algorithm, "meri")
    for text in ("Yes.", "No.", "Yes."):
        form = {"committee": COMMITTEE, "project": PROJECT, "text": text, "act": "comment"}
        assert visit(hub, "meri", f"/reviews/{algorithm}/comment", form).status_code == 303

    assert number(hub, ReviewComment) == 3


LATE = {
    "decide": decision_form(rationale=TYPED),
    "declare": {"committee": COMMITTEE, "conflict": "yes", "reason": TYPED},
    "comment": {"committee": COMMITTEE, "project": PROJECT, "text": TYPED, "act": "comment"},
    "standing": {"act": "suspend", "reason": TYPED},
}


@pytest.mark.parametrize("act", LATE)
def test_a_form_that_comes_after_the_sessions_end_gives_back_what_was_typed(asked: tuple[Any, str], act: str) -> None:
    hub, algorithm = asked
    hub.now += IDLE

    answer = sent(hub, algorithm, act)

    assert (answer.status_code, "session-over" in answer.text) == (401, True)
    assert "My reasons, &lt;b&gt;at length&lt;/b&gt;." in answer.text
    assert f'href="/sign-in?next=/reviews/{algorithm}"' in answer.text
    for table in (Declaration, ReviewComment, PreparedDecision):
        assert number(hub, table) == 0


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/my/algorithms/{}/ask", {"act": "check", "project": "t2d", "purpose": TYPED, "persons": "rita"}),
        ("/my/jobs/new", {"act": "check", "rho": "1", "p-variant": TYPED}),
        ("/account/address", {"address": TYPED}),
    ],
)
def test_so_do_a_researchers_own_forms(asked: tuple[Any, str], path: str, form: dict[str, str]) -> None:
    hub, algorithm = asked
    hub.now += IDLE

    answer = visit(hub, AUTHOR, path.format(algorithm), form)

    assert answer.status_code == 401
    assert "My reasons, &lt;b&gt;at length&lt;/b&gt;." in answer.text


def sent(hub: Any, algorithm: str, act: str, **headers: str) -> httpx.Response:
    page = f"http://localhost:8400/reviews/{algorithm}"
    return visit(hub, "meri", f"/reviews/{algorithm}/{act}", LATE[act], headers={"Referer": page, **headers})


def test_a_form_of_before_another_sign_in_gives_back_what_was_typed(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    form = {**LATE["comment"], "form_token": BROWSERS["mikko"].form_token}

    answer = visit(hub, "meri", f"/reviews/{algorithm}/comment", form)

    assert (answer.status_code, "form-token" in answer.text) == (403, True)
    assert "My reasons, &lt;b&gt;at length" in answer.text
    assert "My reasons" not in shown(hub, "meri", f"/reviews/{algorithm}")


def test_a_refusal_by_the_reviews_state_gives_back_what_was_typed(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    for member in ("meri", "mikko"):
        hub.vote(algorithm, member)
    late = {"committee": COMMITTEE, "project": PROJECT, "text": TYPED, "act": "return"}

    answer = visit(hub, "maria", f"/reviews/{algorithm}/comment", late)

    assert answer.status_code in (403, 409)
    assert "My reasons, &lt;b&gt;at length" in answer.text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_sends_is_not_shown(asked: tuple[Any, str], site: str) -> None:
    hub, algorithm = asked
    for late in (timedelta(), IDLE):
        hub.now += late
        answer = sent(hub, algorithm, "comment", **{"Sec-Fetch-Site": site, "Referer": "http://evil.example//evil"})
        assert answer.status_code in (401, 403)
        assert "My reasons" not in answer.text
        assert "evil" not in answer.text


def test_a_page_that_names_itself_oddly_leads_nowhere_else(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    hub.now += IDLE

    answer = sent(hub, algorithm, "comment", Referer="http://localhost:8400//evil.example/")

    assert "evil" not in answer.text
