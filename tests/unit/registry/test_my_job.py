"""The page of one's own order: what each node said and why, what to do next, what may not be shown."""

import html
from typing import Any

import pytest
from factory import AUTHOR, NODE, OFFICE, RESEARCHER, digest_of
from visitor import Visitor

OTHER = "node-es"


@pytest.fixture
def asked(settled: Any) -> Any:
    """The same question at two nodes: one refused it, one has not answered."""
    settled.publish("accreditations", settled.world.sign(settled.world.accreditation(OTHER), OFFICE))
    settled.algorithm = settled.submit()
    settled.order_raw = settled.order(settled.algorithm)
    settled.job = settled.publish("orders", settled.order_raw)
    settled.other = settled.publish("orders", settled.order(settled.algorithm, node=OTHER))
    return settled


def refuse(hub: Any, **changes: Any) -> None:
    answer = hub.post(f"/nodes/{NODE}/receipts", hub.refusal(hub.order_raw, **changes), NODE)
    assert answer.is_success, answer.text


def shown(hub: Any, digest: str) -> str:
    answer = Visitor(hub, RESEARCHER).get(f"/my/jobs/{digest}")
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def test_a_refusal_is_told_with_its_code_its_reason_and_what_to_do_next(asked: Any) -> None:
    refuse(asked, code="budget-project", reason="The project has spent its cap here.")

    page = shown(asked, asked.job)

    assert "The project has spent its cap here." in page
    assert "budget-project" in page
    assert "ask the data holder whether your project's cap can be raised" in page


def test_the_same_question_at_other_nodes_stands_beside_it(asked: Any) -> None:
    refuse(asked)

    page = shown(asked, asked.other)

    assert f"/my/jobs/{asked.job}" in page
    assert "[approval-quorum]" in page
    assert "not decided yet" in page


def test_another_question_is_not_beside_it(asked: Any) -> None:
    elsewhere = asked.publish(
        "orders", asked.order(asked.algorithm, node=OTHER, parameters={"variant": "rs1"}, nonce="1" * 32)
    )

    assert f"/my/jobs/{elsewhere}" not in shown(asked, asked.job)


def test_a_running_job_shows_no_duration_of_any_phase(asked: Any) -> None:
    for state in ("received", "verified", "charged", "staged", "running", "sealed"):
        answer = asked.request("POST", f"/nodes/{NODE}/progress", NODE, json={"order": asked.job, "state": state})
        assert answer.is_success, answer.text

    page = shown(asked, asked.job).partition("What happened")[2]

    assert "Its node took it" in page
    assert not any(word in page for word in ("charged", "staged", "running"))


def test_the_receipt_is_named_with_how_to_check_it(asked: Any) -> None:
    refuse(asked)
    receipt = asked.request("GET", f"/orders/{asked.job}", RESEARCHER).json()["receipt"]

    page = shown(asked, asked.job)

    assert receipt in page
    assert f"safeconduct job results {asked.job}" in page
    assert "--page results.html" not in page  # there is no result


def test_sealed_results_are_opened_elsewhere(asked: Any) -> None:
    from protocol.crypto.digest import sha256_hex

    sealed = b"sealed"
    refuse(asked, decision="released", code="released", reason="Released.", release_digest=sha256_hex(sealed))
    answer = asked.request("PUT", f"/nodes/{NODE}/releases/{asked.job}", NODE, content=sealed)
    assert answer.is_success, answer.text

    page = shown(asked, asked.job)

    assert f"safeconduct job results {asked.job} --page results.html" in page
    assert "This registry cannot read them" in page


def test_text_of_a_node_or_an_order_is_never_markup(asked: Any) -> None:
    refuse(asked, reason="<script>alert(1)</script>")

    page = Visitor(asked, RESEARCHER).get(f"/my/jobs/{asked.job}").text

    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_nobody_else_sees_it(asked: Any) -> None:
    assert Visitor(asked, AUTHOR).get(f"/my/jobs/{asked.job}").status_code == 404
    assert digest_of(asked.order_raw) == asked.job
