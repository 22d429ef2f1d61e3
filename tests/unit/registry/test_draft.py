"""A job composed on the page, without script: choose, fill in, check, hand over. What was typed stays."""

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from factory import AUTHOR, DATASET, NODE, OFFICE, PROJECT, PURPOSE, RESEARCHER, World
from visitor import Visitor

from client.draft import Signer, check_drafts
from registry.actions.draft import LIFETIME, forget_old
from registry.store import draft

ENTRY = {
    "dataset": DATASET, "snapshot": "s", "country": "FI", "assembly": "GRCh38", "people": 12_800, "slots": 12_800,
    "unit": "family", "maximum_family_size": 4, "columns": ["age", "sex"], "sites": None, "duo": [],
}  # fmt: skip
CODE = re.compile(r"safeconduct job sign ([A-Za-z0-9_-]{43})")


@pytest.fixture
def approved(settled: Any) -> Any:
    """A version that its committee approved for this project, and a node that offers what the approvals name."""
    settled.algorithm = settled.submit()
    settled.votes = [settled.vote(settled.algorithm, member).json()["digest"] for member in ("meri", "mikko")]
    offer(settled)
    return settled


def at(hub: Any, who: str = RESEARCHER) -> Visitor:
    """The one browser of somebody in this test."""
    known = vars(hub).setdefault("visitors", {})
    if who not in known:
        known[who] = Visitor(hub, who)
    found: Visitor = known[who]
    return found


def offer(hub: Any, **changes: Any) -> None:
    answer = hub.request("PUT", f"/nodes/{NODE}/catalogue", NODE, json={"datasets": [ENTRY | changes]})
    assert answer.is_success, answer.text


def filled(hub: Any, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "act": "check", "of": f"{hub.algorithm} {PROJECT}", "place": f"{NODE}/{DATASET}", "purpose": PURPOSE,
        "p-variant": "rs7903146", "blocks": "128", "rho": "0.03125",
    }  # fmt: skip
    return fields | changes


def sent(hub: Any, who: str = RESEARCHER, **changes: Any) -> tuple[int, str]:
    answer = at(hub, who).post("/my/jobs/new", **filled(hub, **changes))
    return answer.status_code, html.unescape(answer.text)


def handed_over(hub: Any) -> str:
    """Confirm what is filled in, a second later than before: the page lists the newest first."""
    hub.now += timedelta(seconds=1)
    assert sent(hub, act="confirm")[0] == 303
    return CODE.findall(at(hub).get("/my/jobs/drafts").text)[0]


def test_only_what_is_approved_and_names_me_is_mine_to_order(approved: Any) -> None:
    assert "association 1.0.0, for t2d" in at(approved).get("/my/jobs/new").text
    assert "No version is yours to order yet" in at(approved, AUTHOR).get("/my/jobs/new").text
    path = f"/my/jobs/new?of={approved.algorithm}%20{PROJECT}"
    assert at(approved).get(path).status_code == 200
    assert at(approved, AUTHOR).get(path).status_code == 404


def test_a_version_that_nobody_approved_is_not_there(settled: Any) -> None:
    settled.submit()
    assert "No version is yours to order yet" in at(settled).get("/my/jobs/new").text


def test_one_vote_of_two_is_not_shown_to_the_researcher(settled: Any) -> None:
    settled.vote(settled.submit(), "meri")
    assert "No version is yours to order yet" in at(settled).get("/my/jobs/new").text


def named(hub: Any) -> set[str]:
    answer = hub.request("GET", f"/order-drafts/{handed_over(hub)}").json()
    return set(json.loads(answer["drafts"][0])["approvals"])


def test_an_order_names_each_members_last_word_and_only_what_the_committee_agreed_on(approved: Any) -> None:
    narrower = approved.world.conditions(runs_per_node=2)
    approved.vote(approved.algorithm, "maria", conditions=narrower)
    assert named(approved) == set(approved.votes)

    anew = approved.vote(approved.algorithm, "mikko", conditions=narrower, rationale="Two runs are enough.").json()
    assert anew["digest"] in named(approved)
    assert not set(approved.votes) & named(approved)
    assert "0 of 2 runs used by you" in sent(approved)[1]


def test_an_approval_that_is_taken_back_by_a_later_word_is_no_longer_named(approved: Any) -> None:
    approved.vote(approved.algorithm, "maria")
    approved.vote(approved.algorithm, "mikko", decision="reject", rationale="On second thoughts.")

    assert approved.votes[1] not in named(approved)
    assert len(named(approved)) == 2


def test_answers_are_shown_with_errors_in_the_outputs_own_unit_and_what_is_left(approved: Any) -> None:
    status, page = sent(approved)

    assert status == 200
    assert "Check your answers" in page
    assert "rs7903146" in page
    assert re.search(r"±0\.0\d+", page)
    assert "0.125 of 0.125 ρ, 0 of 4 runs used by you" in page
    assert "never told to you" in page
    assert "Would be refused" not in page
    assert re.search(r'<button[^>]*value="confirm"', page)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("rho", "a lot", "Write ρ as a decimal above zero"),
        ("rho", "", "Write ρ as a decimal above zero"),
        ("interval", "some", "Write ρ as a decimal above zero"),
        ("blocks", "many", "Enter how many blocks"),
        ("blocks", "0", "Enter how many blocks"),
        ("p-variant", "", "variant: is needed."),
        ("p-variant", "not a variant", "variant: breaks the schema's pattern"),
        ("purpose", "DUO:0000042", "Choose one of the algorithm's purposes."),
        ("place", [], "Choose at least one dataset."),
    ],
)
def test_an_error_leads_to_its_field_and_keeps_what_was_typed(approved: Any, field: str, typed: Any, said: str) -> None:
    status, page = sent(approved, **{field: typed})

    assert status == 422
    assert f'<a href="#{field}">' in page
    assert said in page
    kept = {"rho": "0.03125", "blocks": "128", "p-variant": "rs7903146"} | ({field: typed} if typed else {})
    for name in ("rho", "blocks", "p-variant", *({field} & {"interval"})):
        assert re.search(rf'id="{name}"[^>]*value="{re.escape(kept[name] if name != field else typed)}"', page), name


def test_a_refusal_that_can_be_foreseen_is_told_and_cannot_be_confirmed(approved: Any) -> None:
    status, page = sent(approved, blocks="64")

    assert status == 200
    assert "gate-median-resolution" in page
    assert re.search(r"<button[^>]*disabled[^>]*>Confirm", page)
    assert "would refuse this: A median needs" in page
    assert sent(approved, blocks="64", act="confirm")[0] == 409
    assert "Nothing waits" in at(approved).get("/my/jobs/drafts").text


def test_the_total_interval_of_a_median_is_bought_on_top(approved: Any) -> None:
    status, shown = sent(approved, rho="0.02", interval="0.01")

    assert status == 200
    assert ">0.02<" in shown
    assert ">0.01<" in shown
    assert "0.03" in shown.partition("ρ at each dataset")[2][:200]


def test_going_back_to_change_loses_nothing(approved: Any) -> None:
    status, page = sent(approved, act="change", rho="0.02")

    assert status == 200
    assert 'value="0.02"' in page
    assert 'value="rs7903146"' in page
    assert "There is a problem" not in page


def test_what_was_confirmed_is_fetched_checked_and_signed_elsewhere_and_then_gone(approved: Any) -> None:
    from factory import private_key, recipient_key

    code = handed_over(approved)
    answer = approved.request("GET", f"/order-drafts/{code}")
    assert answer.status_code == 200, answer.text
    signer = Signer(
        person=RESEARCHER, key=private_key(RESEARCHER), recipient=recipient_key(), trust_root=World().open_root()
    )

    (found,) = check_drafts(answer.json(), signer, approved.now, timedelta(days=1))
    approved.publish("orders", found.envelope)

    assert (found.order.node, found.order.blocks, found.order.rho_nano) == (NODE, 128, 31_250_000)
    assert set(found.order.approvals) == set(approved.votes)
    assert approved.request("GET", f"/order-drafts/{code}").status_code == 404
    assert "Nothing waits" in at(approved).get("/my/jobs/drafts").text


def test_composing_the_same_again_leaves_one_to_sign(approved: Any) -> None:
    first, second = handed_over(approved), handed_over(approved)

    assert first != second
    assert approved.request("GET", f"/order-drafts/{first}").status_code == 404
    assert approved.request("GET", f"/order-drafts/{second}").status_code == 200


def test_a_code_is_forgotten_on_request_and_by_nobody_else(approved: Any) -> None:
    code = handed_over(approved)

    assert at(approved, AUTHOR).post("/my/jobs/drafts/undo", code=code).status_code == 404
    assert approved.request("GET", f"/order-drafts/{code}").status_code == 200
    assert at(approved).post("/my/jobs/drafts/undo", code=code).status_code == 303
    assert approved.request("GET", f"/order-drafts/{code}").status_code == 404


def test_a_code_is_too_old_after_a_week(approved: Any) -> None:
    code = handed_over(approved)
    approved.now += LIFETIME + timedelta(seconds=1)

    assert approved.request("GET", f"/order-drafts/{code}").status_code == 404
    assert drafts(approved) == 1
    forget_old(approved.desk, approved.now)
    assert drafts(approved) == 0


def drafts(hub: Any) -> int:
    with hub.desk.store.reading() as tx:
        return len(draft.of_researcher(tx, RESEARCHER))


def test_nobody_composes_for_somebody_else(approved: Any) -> None:
    assert sent(approved, AUTHOR)[0] == 404
    assert sent(approved, AUTHOR, act="confirm")[0] == 404


def test_a_dataset_that_the_approvals_do_not_name_is_not_offered_and_would_be_refused(approved: Any) -> None:
    offer(approved, dataset="cohort-xx")
    page = at(approved).get(f"/my/jobs/new?of={approved.algorithm}%20{PROJECT}").text

    assert "cohort-xx" not in page
    assert "approval-conditions" in sent(approved, place=f"{NODE}/cohort-xx")[1]


def test_what_a_receipt_told_is_told_again(approved: Any) -> None:
    order = approved.order(approved.algorithm, approvals=approved.votes)
    approved.publish("orders", order)
    told = approved.refusal(order, rho_left_nano=7_000_000)
    assert approved.post(f"/nodes/{NODE}/receipts", told, NODE).is_success

    page = sent(approved)[1]

    assert "0.007 ρ, 2026-11-23" in page
    assert "[budget-told]" in page


def answered(hub: Any, nonce: str, **changes: Any) -> None:
    """An order of mine under these approvals, and what its node decided."""
    order = hub.order(hub.algorithm, approvals=hub.votes, nonce=nonce * 32)
    hub.publish("orders", order)
    released = {"decision": "released", "code": "released", "release_digest": "0" * 64} | changes
    assert hub.post(f"/nodes/{NODE}/receipts", hub.refusal(order, **released), NODE).is_success


def test_what_my_own_orders_spent_under_the_approvals_is_counted(approved: Any) -> None:
    for nonce in "123":
        answered(approved, nonce, rho_charged_nano=31_250_000)
    answered(approved, "4", decision="refused", code="gate-blocks", release_digest=None)

    page = sent(approved)[1]
    assert "0.03125 of 0.125 ρ, 3 of 4 runs used by you" in page
    assert "Would be refused" not in page

    answered(approved, "5", rho_charged_nano=1)
    page = sent(approved)[1]
    assert "[approval-rho-exceeded]" in page
    assert "[runs-exceeded]" in page


@pytest.mark.parametrize(("left", "refused"), [(31_250_000, False), (31_249_999, True)])
def test_a_dataset_whose_budget_is_spent_is_foreseen(approved: Any, left: int, refused: bool) -> None:
    told = {"dataset": DATASET, "rho_left_nano": left, "rho_cap_nano": 500_000_000}
    assert approved.request("PUT", f"/nodes/{NODE}/budgets", NODE, json={"budgets": [told]}).is_success

    page = sent(approved)[1]

    assert ("[budget-dataset]" in page) == refused
    assert "ρ, 2026-11-23 08:00 UTC" in page


def test_typed_text_is_never_markup(approved: Any) -> None:
    answer = at(approved).post("/my/jobs/new", **filled(approved, rho="<script>alert(1)</script>"))

    assert answer.status_code == 422
    assert "<script>alert" not in answer.text


def test_an_office_that_is_no_researcher_composes_nothing(approved: Any) -> None:
    assert at(approved, OFFICE).get("/my/jobs/new").status_code == 403
