"""Suspend, resume and revoke from the page: a typed reason, two steps, an audit event each, a status for the signer."""

import re
from typing import Any

import pytest
from factory import AUTHOR, OFFICE, RESEARCHER, private_key
from review_visits import asked_review, shown, visit
from sqlalchemy import select

from protocol.crypto.encoding import decode_base64
from protocol.documents.envelope import PAYLOAD_TYPE, write_envelope
from protocol.documents.passkey import PasskeyOrigin
from protocol.documents.signature import Signature, pre_authentication_encoding
from protocol.documents.status import Status
from protocol.documents.strict import parse_object
from registry.store.tables import Event
from registry.store.tables_review import ReviewComment

HOSTILE = "<script>alert(1)</script> The range was wrong."


@pytest.fixture
def approved(settled: Any) -> tuple[Any, str]:
    """A version that a committee with a chair approved."""
    members = [settled.world.member(name) for name in settled.world.members]
    members[0]["seats"] = ["chair", "ethics"]
    settled.roster = settled.publish(
        "rosters", settled.world.sign(settled.world.roster(version=2, members=members), OFFICE)
    )
    algorithm = asked_review(settled)
    for member in ("meri", "mikko"):
        assert settled.vote(algorithm, member).status_code == 201
    return settled, algorithm


def change(hub: Any, algorithm: str, who: str, act: str, **more: str) -> Any:
    return visit(hub, who, f"/reviews/{algorithm}/standing", {"act": act, "reason": HOSTILE, **more})


def state_of(hub: Any, algorithm: str) -> str:
    found = hub.request("GET", "/reviews").json()["reviews"]
    return str(next(each["state"] for each in found if each["digest"] == algorithm))


def verbs(hub: Any, algorithm: str) -> list[tuple[str, str]]:
    with hub.desk.store.reading() as tx:
        rows = tx.scalars(select(Event).where(Event.subject == algorithm)).all()
        assert "range" not in str([row.detail for row in rows])
        return [(row.actor, row.verb) for row in rows]


def test_a_chair_suspends_and_resumes_in_two_steps_with_a_reason(approved: tuple[Any, str]) -> None:
    hub, algorithm = approved
    for act, state in (("suspend", "suspended"), ("resume", "approved")):
        before = state_of(hub, algorithm)
        asked = change(hub, algorithm, "meri", act)
        assert asked.status_code == 200
        assert "<script>alert" not in asked.text
        assert (state_of(hub, algorithm), ("meri", f"reviews.{act}") in verbs(hub, algorithm)) == (before, False)

        assert change(hub, algorithm, "meri", act, confirmed="yes").status_code == 303

        assert state_of(hub, algorithm) == state
        assert ("meri", f"reviews.{act}") in verbs(hub, algorithm)
    for who in (AUTHOR, RESEARCHER, "mikko"):
        answer = visit(hub, who, f"/reviews/{algorithm}").text
        assert "why it was suspended" in answer, who
        assert "<script>alert" not in answer
        assert "&lt;script&gt;" in answer
    assert "A chair has suspended it." in shown(hub, OFFICE, "/inbox")


@pytest.mark.parametrize(
    ("who", "act", "more", "status", "code"),
    [
        ("mikko", "suspend", {}, 403, "review-role"),
        (RESEARCHER, "suspend", {}, 403, "review-role"),
        (OFFICE, "suspend", {}, 403, "review-role"),
        ("meri", "revoke", {}, 403, "review-role"),
        (AUTHOR, "revoke", {}, 403, "review-role"),
        ("meri", "resume", {}, 409, "review-state"),
        ("meri", "suspend", {"reason": " "}, 400, "reason-missing"),
        ("meri", "approve", {}, 400, "act-unknown"),
    ],
)
@pytest.mark.parametrize("confirmed", ["", "yes"])
def test_neither_step_lets_the_wrong_person_or_act_through(
    approved: tuple[Any, str], who: str, act: str, more: dict[str, str], status: int, code: str, confirmed: str
) -> None:
    hub, algorithm = approved
    before = verbs(hub, algorithm)

    answer = change(hub, algorithm, who, act, confirmed=confirmed, **more)

    assert answer.status_code == status
    assert code in answer.text
    assert [each for each in verbs(hub, algorithm) if each not in before and "viewed" not in each[1]] == []
    assert state_of(hub, algorithm) == "approved"


def test_an_office_revokes_with_its_next_status_once_that_is_signed(approved: tuple[Any, str]) -> None:
    hub, algorithm = approved
    earlier = hub.world.status(version=2, revoked={"persons": ["mallory"]})
    hub.publish("statuses", hub.world.sign(earlier, OFFICE))
    assert change(hub, algorithm, OFFICE, "revoke").status_code == 200
    assert change(hub, algorithm, OFFICE, "revoke", confirmed="yes").status_code == 303
    assert (state_of(hub, algorithm), (OFFICE, "reviews.revoke") in verbs(hub, algorithm)) == ("approved", True)

    found = re.search(r"safeconduct review sign ([A-Za-z0-9_-]{43})", shown(hub, OFFICE, f"/reviews/{algorithm}"))
    assert found is not None
    handed = hub.request("GET", f"/decisions/{found[1]}").json()
    payload = decode_base64(handed["statement"])
    said = Status.model_validate(parse_object(payload)["predicate"])
    assert (said.version, said.revoked.persons, said.revoked.algorithms) == (3, ("mallory",), (algorithm,))
    assert handed["roster"] is None
    key = private_key(OFFICE)
    signature = Signature(keyid=key.public.keyid, sig=key.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload)))
    assert hub.post("/statuses", write_envelope(payload, [signature])).status_code == 201

    assert state_of(hub, algorithm) == "revoked"
    assert hub.request("GET", f"/decisions/{found[1]}").status_code == 404
    assert "why its office revokes it" in shown(hub, RESEARCHER, f"/reviews/{algorithm}")


def test_an_office_can_undo_what_it_has_not_signed(approved: tuple[Any, str]) -> None:
    hub, algorithm = approved
    change(hub, algorithm, OFFICE, "revoke", confirmed="yes")
    statement = re.search(r'name="statement" value="([0-9a-f]{64})"', shown(hub, OFFICE, f"/reviews/{algorithm}"))
    assert statement is not None

    assert visit(hub, OFFICE, f"/reviews/{algorithm}/undo", {"statement": statement[1]}).status_code == 303

    assert "safeconduct review sign" not in shown(hub, OFFICE, f"/reviews/{algorithm}")


def test_an_act_and_its_reason_are_kept_together_or_not_at_all(
    approved: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, algorithm = approved

    def broken(*_: Any) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("registry.actions.review_standing.message.tell_offices", broken)
    assert change(hub, algorithm, "meri", "suspend", confirmed="yes").status_code == 500

    with hub.desk.store.reading() as tx:
        assert tx.scalars(select(ReviewComment)).all() == []
    assert ("meri", "reviews.suspend") not in verbs(hub, algorithm)
    assert state_of(hub, algorithm) == "approved"


def test_an_office_signs_no_status_on_a_registrys_own_page(approved: tuple[Any, str]) -> None:
    hub, algorithm = approved
    own = PasskeyOrigin(origin="http://localhost:8400", rp_id="localhost", registry_page=True)
    object.__setattr__(hub.desk, "passkey_pages", (own,))
    change(hub, algorithm, OFFICE, "revoke", confirmed="yes")

    page = shown(hub, OFFICE, f"/reviews/{algorithm}")

    assert "safeconduct review sign" in page
    assert "Sign on this page instead" not in page
    statement = re.search(r'name="statement" value="([0-9a-f]{64})"', page)
    assert statement is not None
    assert visit(hub, OFFICE, f"/reviews/{algorithm}/sign/{statement[1]}").status_code == 404
