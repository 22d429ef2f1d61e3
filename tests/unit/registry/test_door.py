"""Documents at the door: what is believed is kept byte for byte; every refusal has its code and changes nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from factory import AUTHOR, COMMITTEE, OFFICE, PROJECT, RESEARCHER, digest_of, fake_digest, key_entry

from registry.actions import publish

Case = Callable[[Any], Any]
"""Takes the settled hub, sends one bad thing, returns the answer."""


def test_documents_come_back_byte_for_byte(settled: Any) -> None:
    raw = settled.world.sign(settled.world.algorithm(), AUTHOR)
    digest = settled.publish("algorithms", raw)

    assert digest == digest_of(raw)
    assert settled.request("GET", f"/documents/{digest}").content == raw


def test_the_same_document_again_is_no_error_and_no_news(settled: Any) -> None:
    raw = settled.world.sign(settled.world.algorithm(), AUTHOR)

    assert [settled.post("/algorithms", raw).status_code for _ in range(2)] == [201, 200]
    assert len(settled.request("GET", "/algorithms").json()["algorithms"]) == 1


def test_two_writers_of_the_same_document_both_succeed(settled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL lets two transactions look before either has written; one of them then meets the other's row."""
    raw = settled.world.sign(settled.world.algorithm(), AUTHOR)
    settled.publish("algorithms", raw)
    known = publish.known
    answers = iter([None])
    monkeypatch.setattr(publish, "known", lambda tx, envelope: next(answers, known(tx, envelope)))
    monkeypatch.setattr("registry.store.review.versions", lambda *_: [])

    assert settled.post("/algorithms", raw).status_code == 200


def test_an_accreditation_may_be_renewed_by_its_office(settled: Any) -> None:
    renewed = settled.world.accreditation(RESEARCHER, valid_from=settled.now, keys=[key_entry("rita-2")])
    settled.publish("accreditations", settled.world.sign(renewed, OFFICE))

    order = settled.world.order(settled.submit())
    assert settled.post("/orders", settled.world.sign(order, RESEARCHER)).status_code == 422
    assert settled.post("/orders", settled.world.sign(order, "rita-2")).status_code == 201


def accreditation(by: str = OFFICE, subject: str = "new", **changes: Any) -> Case:
    return lambda hub: hub.post("/accreditations", hub.world.sign(hub.world.accreditation(subject, **changes), by))


def roster(by: str = OFFICE, **changes: Any) -> Case:
    return lambda hub: hub.post("/rosters", hub.world.sign(hub.world.roster(**changes), by))


def status(by: str = OFFICE, **changes: Any) -> Case:
    return lambda hub: hub.post("/statuses", hub.world.sign(hub.world.status(**changes), by))


def algorithm(by: str = AUTHOR, **changes: Any) -> Case:
    return lambda hub: hub.post("/algorithms", hub.world.sign(hub.world.algorithm(**changes), by))


def second_algorithm(by: str = AUTHOR, **changes: Any) -> Case:
    def case(hub: Any) -> Any:
        hub.submit()
        return algorithm(by, **changes)(hub)

    return case


def approval(member: str = "meri", by: str | None = None, **changes: Any) -> Case:
    def case(hub: Any) -> Any:
        made = hub.world.approval(member, hub.submit(), hub.roster)
        return hub.post("/approvals", hub.world.sign(made.model_copy(update=changes), by or member))

    return case


def after_next_roster(case: Case) -> Case:
    def both(hub: Any) -> Any:
        assert roster(version=2)(hub).status_code == 201
        return case(hub)

    return both


def after_status(case: Case, **revoked: Any) -> Case:
    def both(hub: Any) -> Any:
        assert status(version=2, revoked=revoked)(hub).status_code == 201
        return case(hub)

    return both


def order(by: str = RESEARCHER, **changes: Any) -> Case:
    def case(hub: Any) -> Any:
        made = hub.world.order(hub.submit())
        return hub.post("/orders", hub.world.sign(made.model_copy(update=changes), by))

    return case


ANOTHER_OFFICE = {"office": "office-elsewhere"}

REFUSED: dict[str, tuple[int, str, Case]] = {
    "no envelope": (422, "document-malformed", lambda hub: hub.post("/orders", b"hello")),
    "an empty body": (422, "document-malformed", lambda hub: hub.post("/orders", b"")),
    "another kind": (
        422,
        "document-kind",
        lambda hub: hub.post("/rosters", hub.world.sign(hub.world.status(version=9), OFFICE)),
    ),
    "too large": (413, "body-too-large", lambda hub: hub.post("/orders", b" " * (2**20 + 1))),
    "accreditation by a stranger": (422, "key-unknown", accreditation(by="eve")),
    "accreditation by another office": (422, "office-unknown", accreditation(**ANOTHER_OFFICE)),
    "accreditation with a taken key": (409, "key-taken", accreditation(keys=[key_entry(AUTHOR)])),
    "accreditation of an office's name": (409, "subject-taken", accreditation(subject=OFFICE)),
    "accreditation of a person as a node": (409, "subject-taken", accreditation(subject=RESEARCHER, kind="node")),
    "roster by a stranger": (422, "key-unknown", roster(by="eve", version=2)),
    "roster of another office": (422, "office-unknown", roster(**ANOTHER_OFFICE)),
    "roster with other content": (409, "roster-version-taken", roster(minimum_approvals=1)),
    "roster that steps back": (
        409,
        "roster-version-old",
        after_next_roster(roster(version=1, minimum_approvals=1)),
    ),
    "status by a stranger": (422, "key-unknown", status(by="eve", version=2)),
    "status of another office": (422, "office-unknown", status(**ANOTHER_OFFICE)),
    "status with other content": (409, "status-version-taken", status(revoked={"persons": [RESEARCHER]})),
    "status that steps back": (409, "status-version-old", after_status(status(revoked={"persons": ["eve"]}))),
    "algorithm by a stranger": (422, "accreditation-missing", algorithm(by="eve", author="eve")),
    "algorithm signed by another": (422, "key-unknown", algorithm(by=RESEARCHER)),
    "algorithm by a node": (422, "accreditation-missing", algorithm(by="node-fi", author="node-fi")),
    "algorithm by a revoked author": (422, "person-revoked", after_status(algorithm(), persons=[AUTHOR])),
    "algorithm by a revoked key": (
        422,
        "key-unknown",
        after_status(algorithm(), keys=[key_entry(AUTHOR)["keyid"]]),
    ),
    "algorithm changed under its version": (409, "algorithm-version-taken", second_algorithm(slot_milliseconds=21_000)),
    "algorithm under another's name": (
        409,
        "algorithm-name-taken",
        second_algorithm(by=RESEARCHER, author=RESEARCHER, version="2.0.0"),
    ),
    "approval by a stranger": (422, "member-unknown", approval("eve")),
    "approval signed by another member": (422, "key-unknown", approval("meri", by="mikko")),
    "approval of nothing": (422, "algorithm-unknown", approval(algorithm=fake_digest("none"))),
    "approval under no roster": (422, "roster-unknown", approval(roster=fake_digest("none"))),
    "approval for another committee": (422, "roster-unknown", approval(committee="law-fi")),
    "approval under an old roster": (422, "roster-superseded", after_next_roster(approval())),
    "approval by a revoked member": (422, "member-unknown", after_status(approval(), persons=["meri"])),
    "order by a stranger": (422, "accreditation-missing", order(by="eve", researcher="eve")),
    "order signed by another": (422, "key-unknown", order(by=AUTHOR)),
    "order by a revoked researcher": (422, "person-revoked", after_status(order(), persons=[RESEARCHER])),
    "order of nothing": (422, "algorithm-unknown", order(algorithm=fake_digest("none"))),
    "order for no node": (422, "node-unknown", order(node="node-nowhere")),
    "order for a person": (422, "node-unknown", order(node=AUTHOR)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_its_code(settled: Any, name: str) -> None:
    status_code, code, case = REFUSED[name]

    answer = case(settled)

    assert (answer.status_code, answer.json()["code"]) == (status_code, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].endswith(".")


def test_an_expired_status_is_refused(hub: Any) -> None:
    hub.now += timedelta(days=6)

    assert status()(hub).json()["code"] == "status-stale"


def test_the_author_does_not_decide(settled: Any) -> None:
    members = [settled.world.member(person) for person in (AUTHOR, "meri", "mikko")]
    settled.roster = settled.publish(
        "rosters", settled.world.sign(settled.world.roster(version=2, members=members), OFFICE)
    )

    assert settled.vote(settled.submit(), AUTHOR).json()["code"] == "approval-by-author"


def test_an_algorithm_by_somebody_without_the_role_is_refused(settled: Any) -> None:
    settled.publish("accreditations", settled.world.sign(settled.world.accreditation("cleo", roles=[]), OFFICE))

    assert algorithm(by="cleo", author="cleo")(settled).json()["code"] == "author-not-researcher"


def review_of(hub: Any, algorithm_digest: str, who: str | None = None) -> dict[str, Any]:
    found = hub.request("GET", "/reviews", who).json()["reviews"]
    return next(each for each in found if each["digest"] == algorithm_digest)


def test_votes_move_the_review(settled: Any) -> None:
    submitted = settled.submit()
    states = [review_of(settled, submitted)["state"]]
    for member in ("meri", "mikko"):
        assert settled.vote(submitted, member).status_code == 201
        states.append(review_of(settled, submitted)["state"])

    assert states == ["in_review", "in_review", "approved"]
    assert review_of(settled, submitted)["quorum"] == [
        {
            "committee": COMMITTEE,
            "project": PROJECT,
            "state": "approved",
            "approvals": 2,
            "rejections": 0,
            "recused": 0,
            "required": 2,
        }
    ]


def test_who_voted_is_for_callers_only(settled: Any) -> None:
    submitted = settled.submit()
    settled.vote(submitted, "meri")

    settled.vote(submitted, "mikko")

    assert "approvals" not in review_of(settled, submitted)
    assert [v["member"] for v in review_of(settled, submitted, RESEARCHER)["approvals"]] == ["meri", "mikko"]


def test_a_members_later_word_replaces_the_earlier(settled: Any) -> None:
    submitted = settled.submit()
    for member, decision in (("meri", "approve"), ("mikko", "approve"), ("meri", "reject"), ("maria", "reject")):
        settled.vote(submitted, member, decision=decision)

    assert review_of(settled, submitted)["state"] == "rejected"


def test_approvals_with_different_conditions_do_not_add_up(settled: Any) -> None:
    submitted = settled.submit()
    settled.vote(submitted, "meri")
    settled.vote(submitted, "mikko", conditions=settled.world.conditions(runs_per_node=5))

    assert review_of(settled, submitted)["state"] == "in_review"


def test_every_committee_that_voted_must_agree(settled: Any) -> None:
    one = {"minimum_approvals": 1, "minimum_institutions": 1}
    law = settled.world.roster(committee="law-fi", members=[settled.world.member("lena")], **one)
    law_digest = settled.publish("rosters", settled.world.sign(law, OFFICE))
    submitted = settled.submit()

    def vote(member: str, roster_digest: str, committee: str, decision: str = "approve") -> str:
        made = settled.world.approval(member, submitted, roster_digest, committee=committee, decision=decision)
        settled.publish("approvals", settled.world.sign(made, member))
        return str(review_of(settled, submitted)["state"])

    assert vote("lena", law_digest, "law-fi") == "approved"
    assert vote("meri", settled.roster, COMMITTEE) == "in_review"
    assert vote("mikko", settled.roster, COMMITTEE) == "approved"
    assert vote("lena", law_digest, "law-fi", "reject") == "rejected"


def test_votes_under_a_new_roster_begin_anew(settled: Any) -> None:
    submitted = settled.submit()
    for member in ("meri", "mikko"):
        settled.vote(submitted, member)
    settled.roster = settled.publish("rosters", settled.world.sign(settled.world.roster(version=2), OFFICE))

    assert review_of(settled, submitted)["state"] == "approved"
    settled.vote(submitted, "maria")
    assert review_of(settled, submitted)["state"] == "in_review"


def test_a_revoked_approval_takes_the_decision_back_and_a_revoked_algorithm_ends_it(settled: Any) -> None:
    submitted = settled.submit()
    votes = [settled.vote(submitted, member).json()["digest"] for member in ("meri", "mikko")]

    assert status(version=2, revoked={"approvals": votes})(settled).status_code == 201
    assert review_of(settled, submitted)["state"] == "in_review"
    assert status(version=3, revoked={"algorithms": [submitted]})(settled).status_code == 201
    assert review_of(settled, submitted)["state"] == "revoked"
    assert status(version=4)(settled).status_code == 201
    assert review_of(settled, submitted)["state"] == "revoked"


def test_every_accepted_document_leaves_one_line_in_the_audit(settled: Any) -> None:
    from sqlalchemy import func, select

    from registry.store.tables import Document, Event

    settled.submit()
    with settled.desk.store.reading() as tx:
        documents = tx.scalar(select(func.count()).select_from(Document))
        published = tx.scalar(select(func.count()).select_from(Event).where(Event.verb.like("%.published")))

    assert documents == published == 6
