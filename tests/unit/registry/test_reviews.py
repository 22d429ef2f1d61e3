"""Reviews through the API: asking, blindness, conflicts, two steps before a signature, return, supersession, time."""

import json
from datetime import timedelta
from typing import Any

import pytest
from factory import AUTHOR, COMMITTEE, DATASET, NODE, OFFICE, PROJECT, RESEARCHER, private_key
from review_requests import review_request
from sqlalchemy import select

from protocol.crypto.digest import sha256_hex
from protocol.crypto.encoding import decode_base64
from protocol.documents.approval import Approval
from protocol.documents.envelope import PAYLOAD_TYPE, write_envelope
from protocol.documents.signature import Signature, pre_authentication_encoding
from protocol.documents.strict import parse_object
from registry.actions import course
from registry.domain.workflow import Stage, Workflow
from registry.store.tables import Event

PLACE = {"committee": COMMITTEE, "project": PROJECT}


def ask(hub: Any, algorithm: str, who: str = AUTHOR, **changes: Any) -> Any:
    return hub.request("POST", f"/reviews/{algorithm}/requests", who, json=review_request(hub.world, **changes))


def declare(hub: Any, algorithm: str, who: str, *, conflict: bool = False) -> Any:
    form = {"committee": COMMITTEE, "conflict": conflict}
    return hub.request("POST", f"/reviews/{algorithm}/declarations", who, json=form)


def decide(hub: Any, algorithm: str, who: str, decision: str = "approve", **changes: Any) -> Any:
    form = {**PLACE, "decision": decision, "rationale": "It is a median.", **changes}
    return hub.request("POST", f"/reviews/{algorithm}/decisions", who, json=form)


def seen(hub: Any, algorithm: str, who: str) -> dict[str, Any]:
    answer = hub.request("GET", f"/reviews/{algorithm}", who)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def listed(hub: Any, algorithm: str, who: str | None) -> dict[str, Any]:
    found = hub.request("GET", "/reviews", who).json()["reviews"]
    return next(dict(each) for each in found if each["digest"] == algorithm)


def comment(hub: Any, algorithm: str, who: str, text: str, visibility: str = "private") -> Any:
    form = {**PLACE, "visibility": visibility, "text": text}
    return hub.request("POST", f"/reviews/{algorithm}/comments", who, json=form)


def fetch(hub: Any, code: str) -> bytes:
    """The statement behind a code, which is all it takes."""
    answer = hub.request("GET", f"/decisions/{code}")
    assert answer.is_success or answer.status_code == 404, answer.text
    return decode_base64(answer.json()["statement"]) if answer.is_success else b""


def sign_prepared(hub: Any, prepared: Any, who: str) -> Any:
    """Fetch the statement and sign exactly its bytes, as a local signer does."""
    payload = fetch(hub, prepared.json()["handover"])
    key = private_key(who)
    made = Signature(keyid=key.public.keyid, sig=key.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload)))
    return hub.post("/approvals", write_envelope(payload, [made]))


@pytest.fixture
def asked(settled: Any) -> tuple[Any, str]:
    algorithm = settled.submit()
    assert ask(settled, algorithm).status_code == 201
    return settled, algorithm


def log_size(hub: Any) -> str:
    return str(hub.request("GET", "/log/checkpoint").text)


def test_from_request_to_decision_in_two_steps_each(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    for member in ("meri", "mikko"):
        assert seen(hub, algorithm, member)["to_vote"] == [PLACE]
        assert declare(hub, algorithm, member).status_code == 201
        prepared = decide(hub, algorithm, member)
        assert [each["digest"] for each in seen(hub, algorithm, member)["prepared"]] == [prepared.json()["digest"]]
        assert sign_prepared(hub, prepared, member).status_code == 201
        assert seen(hub, algorithm, member)["prepared"] == []

    final = seen(hub, algorithm, AUTHOR)
    assert final["state"] == "approved"
    verbs = [each["verb"].removeprefix("review.") for each in final["timeline"]]
    assert verbs == ["submitted", "checking", "in_review", "consolidating", "approved"]


def test_what_is_to_be_signed_binds_what_was_asked(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    declare(hub, algorithm, "meri")
    prepared = decide(hub, algorithm, "meri").json()

    payload = fetch(hub, prepared["handover"])

    assert sha256_hex(payload) == prepared["digest"]
    statement = parse_object(payload)
    said = Approval.model_validate(statement["predicate"])
    assert (said.algorithm, said.roster, said.member) == (algorithm, hub.roster, "meri")
    assert (said.project, said.persons, said.conditions.nodes) == (PROJECT, (RESEARCHER,), (NODE,))
    assert hub.request("GET", f"/decisions/{'0' * 43}").status_code == 404


def test_other_conditions_than_asked_are_conditions(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    narrower = dict(seen(hub, algorithm, "meri")["requests"][0]["conditions"]) | {"runs_per_node": 1}
    for member in ("meri", "mikko"):
        declare(hub, algorithm, member)
        sign_prepared(hub, decide(hub, algorithm, member, conditions=narrower), member)

    assert seen(hub, algorithm, RESEARCHER)["state"] == "approved_with_conditions"


def test_nobody_learns_of_a_blind_vote(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    for member in ("mikko", "maria"):
        declare(hub, algorithm, member)
    others = (AUTHOR, RESEARCHER, "mikko", NODE)
    before = [listed(hub, algorithm, who) for who in (None, *others)], log_size(hub)

    hub.now += timedelta(minutes=5)
    assert hub.vote(algorithm, "meri").status_code == 201
    hub.now += timedelta(minutes=5)
    assert comment(hub, algorithm, "meri", "I doubt the range.", "public").status_code == 201

    assert ([listed(hub, algorithm, who) for who in (None, *others)], log_size(hub)) == before
    for who in (AUTHOR, RESEARCHER, "mikko"):
        whole = seen(hub, algorithm, who)
        assert (whole["approvals"], whole["quorum"], whole["comments"]) == ([], [], []), who
        assert whole["blind"] == [PLACE]
        assert "meri" not in json.dumps(whole["timeline"])
    own = seen(hub, algorithm, "meri")
    assert [vote["member"] for vote in own["approvals"]] == ["meri"]
    assert own["quorum"][0]["approvals"] == 1


def test_a_blind_vote_survives_a_restart_unlogged_and_is_logged_with_the_decision(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    empty = log_size(hub)
    first = hub.vote(algorithm, "meri").json()["digest"]
    course_before = log_size(hub)
    course.follow_time(hub.desk, hub.now)
    hub.restart()
    assert log_size(hub) == course_before == empty

    second = hub.vote(algorithm, "mikko").json()["digest"]

    size = int(log_size(hub).splitlines()[1])
    assert size == int(empty.splitlines()[1]) + 2
    for digest in (first, second):
        assert hub.request("GET", f"/log/inclusion?digest={digest}&size={size}", RESEARCHER).status_code == 200


def test_who_has_voted_sees_the_others_and_the_author_sees_nothing_private(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    hub.vote(algorithm, "meri")
    comment(hub, algorithm, "meri", "Among us.")
    comment(hub, algorithm, "meri", "For the author.", "public")
    hub.vote(algorithm, "mikko", decision="reject")
    assert [each["text"] for each in seen(hub, algorithm, "mikko")["comments"]] == ["Among us.", "For the author."]
    assert seen(hub, algorithm, AUTHOR)["comments"] == []

    hub.vote(algorithm, "maria")

    assert [each["text"] for each in seen(hub, algorithm, AUTHOR)["comments"]] == ["For the author."]
    assert seen(hub, algorithm, RESEARCHER)["comments"] == []


def test_a_decision_needs_a_declaration_and_a_conflict_recuses(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    assert decide(hub, algorithm, "meri").json()["code"] == "conflict-undeclared"
    assert comment(hub, algorithm, "meri", "hello").json()["code"] == "conflict-undeclared"
    declare(hub, algorithm, "meri")
    decide(hub, algorithm, "meri")

    assert declare(hub, algorithm, "meri", conflict=True).status_code == 201

    assert seen(hub, algorithm, "meri")["prepared"] == []
    assert decide(hub, algorithm, "meri").json()["code"] == "conflict-recused"
    assert hub.vote(algorithm, "meri").json()["code"] == "conflict-recused"
    assert declare(hub, algorithm, "meri").json()["code"] == "conflict-recused"
    for member in ("mikko", "maria"):
        hub.vote(algorithm, member)
    assert listed(hub, algorithm, None)["quorum"][0] | {"required": 2} == {
        **PLACE, "state": "approved", "approvals": 2, "rejections": 0, "recused": 1, "required": 2,
    }  # fmt: skip


def test_undo_is_possible_until_signed(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    declare(hub, algorithm, "meri")
    prepared = decide(hub, algorithm, "meri").json()
    digest = prepared["digest"]
    assert hub.request("DELETE", f"/reviews/{algorithm}/decisions/{digest}", "mikko").status_code == 403

    assert hub.request("DELETE", f"/reviews/{algorithm}/decisions/{digest}", "meri").status_code == 204

    assert fetch(hub, prepared["handover"]) == b""
    again = decide(hub, algorithm, "meri")
    assert sign_prepared(hub, again, "meri").status_code == 201
    assert fetch(hub, again.json()["handover"]) == b""
    path = f"/reviews/{algorithm}/decisions/{again.json()['digest']}"
    assert hub.request("DELETE", path, "meri").status_code == 404


def test_a_return_ends_the_turn_and_a_new_version_begins_anew(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    hub.vote(algorithm, "meri")
    form = {**PLACE, "text": "Say what the range rests on."}
    empty = hub.request("POST", f"/reviews/{algorithm}/returns", "meri", json=form | {"text": " "})
    assert empty.json()["code"] == "comment-missing"

    assert hub.request("POST", f"/reviews/{algorithm}/returns", "meri", json=form).status_code == 201

    back = seen(hub, algorithm, AUTHOR)
    assert (back["state"], [each["text"] for each in back["comments"]]) == ("returned", [form["text"]])
    assert hub.vote(algorithm, "mikko").json()["code"] == "review-ended"
    newer = hub.submit(version="1.1.0")
    assert listed(hub, algorithm, None)["state"] == "superseded"
    assert listed(hub, newer, None)["state"] == "in_review"
    assert listed(hub, newer, RESEARCHER)["approvals"] == []


def test_an_approved_version_is_superseded_by_an_approved_one_only(settled: Any) -> None:
    first, second = settled.submit(), settled.submit(version="1.1.0")
    assert listed(settled, first, None)["state"] == "superseded"
    for member in ("meri", "mikko"):
        settled.vote(second, member)
    third = settled.submit(version="1.2.0")
    assert listed(settled, second, None)["state"] == "approved"

    for member in ("meri", "mikko"):
        settled.vote(third, member)

    assert [listed(settled, each, None)["state"] for each in (second, third)] == ["superseded", "approved"]


def test_a_chair_suspends_and_resumes(settled: Any) -> None:
    members = [settled.world.member(name) for name in settled.world.members]
    members[0]["seats"] = ["chair", "ethics"]
    roster = settled.world.sign(settled.world.roster(version=2, members=members), OFFICE)
    settled.roster = settled.publish("rosters", roster)
    algorithm = settled.submit()
    for member in ("meri", "mikko"):
        settled.vote(algorithm, member)
    path = f"/reviews/{algorithm}/suspension"

    why = {"reason": "Its range was wrong."}
    assert settled.request("PUT", path, "mikko", json={"suspended": True, **why}).status_code == 403
    blank = settled.request("PUT", path, "meri", json={"suspended": True, "reason": " "})
    assert blank.json()["code"] == "reason-missing"
    assert settled.request("PUT", path, "meri", json={"suspended": True, **why}).status_code == 204
    assert listed(settled, algorithm, None)["state"] == "suspended"
    assert settled.request("PUT", path, "meri", json={"suspended": False, **why}).status_code == 204
    assert listed(settled, algorithm, None)["state"] == "approved"


def test_every_committee_that_was_asked_must_approve(settled: Any) -> None:
    one = {"minimum_approvals": 1, "minimum_institutions": 1}
    law = settled.world.roster(committee="law-fi", members=[settled.world.member("lena")], **one)
    law_digest = settled.publish("rosters", settled.world.sign(law, OFFICE))
    algorithm = settled.submit()
    ask(settled, algorithm, committees=[COMMITTEE, "law-fi"])
    for member in ("meri", "mikko"):
        settled.vote(algorithm, member)
    assert listed(settled, algorithm, None)["state"] == "in_review"

    veto = settled.world.approval("lena", algorithm, law_digest, committee="law-fi", decision="reject")
    settled.publish("approvals", settled.world.sign(veto, "lena"))

    assert listed(settled, algorithm, None)["state"] == "rejected"


@pytest.mark.parametrize(
    ("who", "changes", "code"),
    [
        (RESEARCHER, {}, "review-role"),
        ("meri", {}, "review-role"),
        (AUTHOR, {"project": "other", "committees": ["nobody"]}, "committee-unknown"),
        (AUTHOR, {"persons": []}, "document-malformed"),
        (AUTHOR, {"more": 1}, "document-malformed"),
        (AUTHOR, {"project": "other"}, None),
        (AUTHOR, {}, "request-taken"),
    ],
)
def test_requests_that_are_not_taken(asked: tuple[Any, str], who: str, changes: Any, code: str | None) -> None:
    hub, algorithm = asked
    assert ask(hub, algorithm, who, **changes).json().get("code") == code


EXPIRES = Workflow(
    name="short",
    stages=(Stage(name="review", committees=("*",), working_days=5, veto_needs_reason=True),),
    evidence=frozenset({"image"}),
)


def test_time_opens_votes_and_ends_approvals_but_never_decides(asked: tuple[Any, str]) -> None:
    from dataclasses import replace

    hub, algorithm = asked
    hub.desk = hub.app.state.desk = replace(hub.desk, workflow=replace(EXPIRES, evidence=frozenset()))
    hub.vote(algorithm, "meri")
    hub.now += timedelta(days=6)
    assert course.follow_time(hub.desk, hub.now) == 0
    hub.now += timedelta(days=1)

    assert course.follow_time(hub.desk, hub.now) == 1

    assert listed(hub, algorithm, None)["state"] == "consolidating"
    assert [vote["member"] for vote in listed(hub, algorithm, AUTHOR)["approvals"]] == ["meri"]
    hub.vote(algorithm, "mikko")
    assert listed(hub, algorithm, None)["state"] == "approved"
    hub.now += timedelta(days=30)
    assert course.follow_time(hub.desk, hub.now) == 1
    assert listed(hub, algorithm, None)["state"] == "expired"


def test_nobody_looks_before_the_evidence_is_here_and_a_veto_needs_its_reasons(settled: Any) -> None:
    from dataclasses import replace

    settled.desk = settled.app.state.desk = replace(settled.desk, workflow=EXPIRES)
    algorithm = settled.submit()
    ask(settled, algorithm)
    assert listed(settled, algorithm, None)["state"] == "checking"
    assert declare(settled, algorithm, "meri").json()["code"] == "review-state"
    veto = settled.vote(algorithm, "meri", decision="reject", rationale=" ")
    assert veto.json()["code"] == "veto-unjustified"


def test_every_look_and_every_act_is_in_the_audit(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    seen(hub, algorithm, "meri")
    declare(hub, algorithm, "meri")
    decide(hub, algorithm, "meri")
    comment(hub, algorithm, "meri", "secret words")

    with hub.desk.store.reading() as tx:
        rows = tx.scalars(select(Event).where(Event.subject == algorithm, Event.verb.like("reviews.%"))).all()
        assert [(row.actor, row.verb.removeprefix("reviews.")) for row in rows] == [
            (AUTHOR, "ask"), ("meri", "viewed"), ("meri", "declare"), ("meri", "prepare"), ("meri", "comment"),
        ]  # fmt: skip
        assert "secret" not in json.dumps([row.detail for row in rows])


def test_offices_nodes_and_nobody_act_on_no_review(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    assert hub.request("GET", f"/reviews/{algorithm}").status_code == 401
    assert declare(hub, algorithm, NODE).status_code == 404
    assert seen(hub, algorithm, OFFICE)["role"] == "office"
    assert declare(hub, algorithm, OFFICE).status_code == 403
    assert DATASET in seen(hub, algorithm, RESEARCHER)["requests"][0]["conditions"]["datasets"]
