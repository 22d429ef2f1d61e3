"""What each node and dataset makes of a request: consent by the nodes' own rule, budgets as told, nothing invented."""

from typing import Any

import pytest
from factory import AUTHOR, NODE, PURPOSE, World
from review_visits import asked_review, shown, visit

from protocol.documents.approval import Conditions
from protocol.documents.strict import build
from protocol.trust.duo import Answer
from registry.domain.consent import judge

WORLD = World()
ENTRY = {
    "dataset": "cohort-fi", "snapshot": "s1", "country": "FI", "assembly": "GRCh38", "people": 12000, "slots": 12000,
    "unit": "family", "maximum_family_size": 4, "columns": ["sex", "age"], "sites": None, "variants": [],
    "duo": [PURPOSE, "DUO:0000021"],
}  # fmt: skip
GENERAL, IRB = "DUO:0000042", "DUO:0000021"


def offer(hub: Any, *entries: dict[str, Any]) -> None:
    said = hub.request("PUT", f"/nodes/{NODE}/catalogue", NODE, json={"datasets": list(entries)})
    assert said.is_success, said.text


def conditions(*purposes: str) -> Conditions:
    return build(Conditions, WORLD.conditions(purposes=list(purposes)))


@pytest.mark.parametrize(
    ("codes", "purposes", "algorithm", "covered", "words"),
    [
        ([PURPOSE], [PURPOSE], {}, True, "covers what is asked"),
        ([GENERAL], [PURPOSE], {}, True, "covers what is asked"),
        ([PURPOSE, IRB], [PURPOSE], {}, False, "does not cover health"),
        ([PURPOSE, IRB], [PURPOSE, IRB], {}, True, "covers what is asked"),
        ([PURPOSE], [GENERAL, PURPOSE], {"purpose": [GENERAL, PURPOSE]}, False, "does not cover general research"),
        ([GENERAL], [GENERAL], {}, False, "does not cover general research"),
        (["DUO:0000016"], [PURPOSE], {"inputs": {"variants": False, "columns": ["age"]}}, False, "does not cover"),
        (["MONDO:0005148"], [PURPOSE], {}, False, "does not cover"),
        ([PURPOSE], [IRB], {}, False, "no purpose that nodes know"),
        ([], [PURPOSE], {}, None, "not told by the node"),
    ],
)
def test_the_verdict_on_a_dataset(
    codes: list[str], purposes: list[str], algorithm: dict[str, Any], covered: bool | None, words: str
) -> None:
    found = judge(codes, WORLD.algorithm(**algorithm), conditions(*purposes), ["rita"])

    assert found.covered is covered
    assert words in found.words


def test_a_purpose_that_the_algorithm_does_not_declare_is_refused_with_its_reason() -> None:
    found = judge([GENERAL], WORLD.algorithm(), conditions(GENERAL), ["rita"])

    assert [each.reason for each in found.findings if each.answer is Answer.NO] == [
        "The algorithm does not declare this purpose: nodes refuse."
    ]


def test_the_page_says_what_is_covered_and_why(settled: Any) -> None:
    offer(settled, ENTRY, ENTRY | {"dataset": "other"})
    algorithm = asked_review(settled)

    page = shown(settled, "meri", f"/reviews/{algorithm}")

    assert "12,000" in page
    assert "not covered" in page
    assert "an ethics approval is needed" not in page.split("Consent: each code")[0]
    assert "No machine can tell, and the request's purposes do not name this code: nodes refuse." in page
    assert "other at node-fi" not in page


def tell(hub: Any, who: str = NODE, **changes: Any) -> Any:
    budget = {"dataset": "cohort-fi", "rho_cap_nano": 500_000_000, "rho_left_nano": 375_000_000} | changes
    return hub.request("PUT", f"/nodes/{NODE}/budgets", who, json={"budgets": [budget]})


def test_the_budget_that_is_left_is_what_the_node_told_and_when(settled: Any) -> None:
    offer(settled, ENTRY)
    assert tell(settled).status_code == 200
    algorithm = asked_review(settled)

    assert "0.375 of 0.5, told at 2026-11-23 08:00 UTC" in shown(settled, "meri", f"/reviews/{algorithm}")

    assert tell(settled, rho_left_nano=0).status_code == 200
    assert "0 of 0.5, told at" in shown(settled, "meri", f"/reviews/{algorithm}")


def test_budgets_of_other_datasets_say_nothing(settled: Any) -> None:
    offer(settled, ENTRY)
    tell(settled, dataset="other")

    page = shown(settled, "meri", f"/reviews/{asked_review(settled)}")

    assert "not told by the node" in page
    assert "told at" not in page


@pytest.mark.parametrize(
    ("changes", "who", "status"),
    [
        ({"rho_left_nano": -1}, NODE, 422),
        ({"rho_left_nano": 0.5}, NODE, 422),
        ({"rho_cap_nano": 0}, NODE, 422),
        ({"dataset": "<script>"}, NODE, 422),
        ({"people_exact": 1}, NODE, 422),
        ({}, AUTHOR, 403),
    ],
)
def test_budgets_that_are_not_taken(settled: Any, changes: dict[str, Any], who: str, status: int) -> None:
    assert tell(settled, who, **changes).status_code == status


def test_one_dataset_has_one_budget(settled: Any) -> None:
    twice = [{"dataset": "cohort-fi", "rho_cap_nano": 1, "rho_left_nano": 1}] * 2
    said = settled.request("PUT", f"/nodes/{NODE}/budgets", NODE, json={"budgets": twice})
    assert said.json()["code"] == "catalogue-duplicate"


def test_a_node_that_told_nothing_is_said_to_have_told_nothing(settled: Any) -> None:
    algorithm = asked_review(settled)

    page = shown(settled, AUTHOR, f"/reviews/{algorithm}")

    assert page.count("not told by the node") == 2
    assert "offers none of the datasets that are asked for" in page
    assert "nobody can say" in page


def test_hostile_words_of_a_request_are_never_markup(settled: Any) -> None:
    offer(settled, ENTRY | {"columns": ["<b>sex</b>"], "assembly": "<script>alert(1)</script>"})
    algorithm = asked_review(settled, request={"purpose": "<img src=x onerror=alert(1)>"})

    page = visit(settled, "meri", f"/reviews/{algorithm}").text

    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "<b>sex" not in page
