"""Approving under narrower conditions from the page: what is signed says so, and nothing wider is ever prepared."""

import re
from typing import Any

import pytest
from factory import COMMITTEE, PROJECT, private_key
from review_visits import asked_review, decision_form, shown, visit

from protocol.crypto.encoding import decode_base64
from protocol.documents.approval import Approval
from protocol.documents.envelope import PAYLOAD_TYPE, write_envelope
from protocol.documents.signature import Signature, pre_authentication_encoding
from protocol.documents.strict import parse_object


@pytest.fixture
def asked(settled: Any) -> tuple[Any, str]:
    return settled, asked_review(settled)


def declare(hub: Any, algorithm: str, who: str) -> None:
    form = {"committee": COMMITTEE, "conflict": "no"}
    assert visit(hub, who, f"/reviews/{algorithm}/declare", form).status_code == 303


def decide(hub: Any, algorithm: str, who: str, **changes: Any) -> Any:
    return visit(hub, who, f"/reviews/{algorithm}/decide", decision_form(**changes))


def sign(hub: Any, algorithm: str, who: str) -> Approval:
    """Sign what the page hands over, as the local signer does."""
    code = re.search(r"safeconduct review sign ([A-Za-z0-9_-]{43})", shown(hub, who, f"/reviews/{algorithm}"))
    assert code is not None
    payload = decode_base64(hub.request("GET", f"/decisions/{code[1]}").json()["statement"])
    key = private_key(who)
    made = Signature(keyid=key.public.keyid, sig=key.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload)))
    assert hub.post("/approvals", write_envelope(payload, [made])).status_code == 201
    return Approval.model_validate(parse_object(payload)["predicate"])


def test_narrower_conditions_are_what_is_signed(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    for who in ("meri", "mikko"):
        declare(hub, algorithm, who)
        assert decide(hub, algorithm, who, decision="narrower", runs="1", rho_node="0.05").status_code == 303
        signed = sign(hub, algorithm, who)
        assert (signed.decision, signed.conditions.runs_per_node) == ("approve", 1)
        assert signed.conditions.rho_total_per_node_nano == 50_000_000

    page = shown(hub, "maria", f"/reviews/{algorithm}")
    assert "approved with conditions" in page
    assert "runs at each node: 1 (asked: 4); ρ in total at each node: 0.05 (asked: 0.125)" in page


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"decision": "narrower", "runs": "5"}, "conditions-wider"),
        ({"decision": "narrower", "nodes": ["node-fi", "node-es"]}, "conditions-wider"),
        ({"decision": "narrower", "until": "2026-12-24"}, "conditions-wider"),
        ({"decision": "narrower"}, "conditions-unchanged"),
        ({"runs": "3"}, "conditions-changed"),
        ({"nodes": []}, "conditions-empty"),
        ({"decision": "wider"}, "document-malformed"),
    ],
)
def test_nothing_is_prepared_that_is_wider_or_was_not_meant(asked: tuple[Any, str], changes: Any, code: str) -> None:
    hub, algorithm = asked
    declare(hub, algorithm, "meri")

    answer = decide(hub, algorithm, "meri", **changes)

    assert answer.status_code in (400, 422)
    assert code in answer.text
    assert "safeconduct review sign" not in shown(hub, "meri", f"/reviews/{algorithm}")


def test_a_program_prepares_nothing_wider_either(asked: tuple[Any, str]) -> None:
    hub, algorithm = asked
    declare(hub, algorithm, "meri")
    whole = hub.request("GET", f"/reviews/{algorithm}", "meri").json()
    wider = dict(whole["requests"][0]["conditions"]) | {"runs_per_node": 5}
    form = {"committee": COMMITTEE, "project": PROJECT, "decision": "approve", "rationale": "", "conditions": wider}

    assert (
        hub.request("POST", f"/reviews/{algorithm}/decisions", "meri", json=form).json()["code"] == "conditions-wider"
    )
