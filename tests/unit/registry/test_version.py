"""One's own versions without script: tasks, what was said, and a request that is checked before it is sent."""

import html
import re
from typing import Any

import pytest
from factory import AUTHOR, COMMITTEE, DATASET, NODE, PROJECT, PURPOSE, RESEARCHER
from review_requests import review_request
from visitor import Visitor

ENTRY = {
    "dataset": DATASET, "snapshot": "s", "country": "FI", "assembly": "GRCh38", "people": 12_800, "slots": 12_800,
    "unit": "family", "maximum_family_size": 4, "columns": ["age", "sex"], "sites": None, "duo": [],
}  # fmt: skip


@pytest.fixture
def submitted(settled: Any) -> Any:
    """A version that nobody was asked about, a dataset, and its author in a browser."""
    settled.algorithm = settled.submit()
    answer = settled.request("PUT", f"/nodes/{NODE}/catalogue", NODE, json={"datasets": [ENTRY]})
    assert answer.is_success, answer.text
    settled.ada = Visitor(settled, AUTHOR)
    return settled


def filled(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "act": "check", "project": PROJECT, "purpose": "Which variants go with the disease?", "persons": RESEARCHER,
        "committee": COMMITTEE, "place": f"{NODE}/{DATASET}", "purposes": PURPOSE, "runs": "4", "rho_job": "0.03125",
        "rho_node": "0.125", "until": "2026-12-31",
    }  # fmt: skip
    return fields | changes


def sent(hub: Any, **changes: Any) -> tuple[int, str]:
    answer = hub.ada.post(f"/my/algorithms/{hub.algorithm}/ask", **filled(**changes))
    return answer.status_code, html.unescape(answer.text)


def page(hub: Any, path: str = "") -> str:
    answer = hub.ada.get(f"/my/algorithms{path}")
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def test_the_list_names_each_version_and_what_comes_next(submitted: Any) -> None:
    shown = page(submitted)

    assert f'href="/my/algorithms/{submitted.algorithm}"' in shown
    assert "Image at the registry: Run safeconduct algorithm submit" in shown


def test_a_versions_page_leads_to_the_request(submitted: Any) -> None:
    assert f'href="/my/algorithms/{submitted.algorithm}/ask"' in page(submitted, f"/{submitted.algorithm}")


def test_answers_are_shown_as_committees_will_read_them_and_then_sent(submitted: Any) -> None:
    status, check = sent(submitted)
    assert status == 200
    assert "Check your answers" in check
    assert "Which variants go with the disease?" in check
    assert "62.5\N{NO-BREAK SPACE}%" in check  # of the asked total, ρ = 0.125
    assert "12,800" in check

    assert sent(submitted, act="confirm")[0] == 303

    (request,) = submitted.request("GET", f"/reviews/{submitted.algorithm}", AUTHOR).json()["requests"]
    assert request["conditions"] == {
        "nodes": [NODE], "datasets": [DATASET], "purposes": [PURPOSE], "rho_per_job_nano": 31_250_000,
        "rho_total_per_node_nano": 125_000_000, "runs_per_node": 4, "expires": "2026-12-31T23:59:59Z",
    }  # fmt: skip
    assert (request["persons"], request["committees"]) == ([RESEARCHER], [COMMITTEE])
    assert f"For {PROJECT}." in page(submitted, f"/{submitted.algorithm}")


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("project", "Two words", "small letters"),
        ("purpose", "", "in plain words"),
        ("persons", "", "one on a line"),
        ("persons", "rita\nNo Name", "one on a line"),
        ("committee", [], "at least one committee"),
        ("committee", "nobody", "at least one committee"),
        ("place", [], "at least one dataset"),
        ("place", "node-xx/cohort-xx", "at least one dataset"),
        ("purposes", "DUO:0000042", "at least one purpose"),
        ("runs", "none", "whole number above zero"),
        ("rho_job", "much", "decimal above zero"),
        ("rho_node", "0.01", "as for one job"),
        ("until", "soon", "YYYY-MM-DD"),
        ("until", "2026-11-01", "still to come"),
    ],
)
def test_an_error_leads_to_its_field_and_keeps_what_was_typed(
    submitted: Any, field: str, typed: Any, said: str
) -> None:
    status, shown = sent(submitted, **{field: typed})

    assert status == 422
    assert f'<a href="#{field}">' in shown
    assert said in shown
    expected = str(filled(**{field: typed})["rho_job"])
    assert re.search(rf'id="rho_job"[^>]*value="{re.escape(expected)}"', shown)
    assert ">Which variants go with the disease?</textarea>" in shown or field == "purpose"
    assert not submitted.request("GET", f"/reviews/{submitted.algorithm}", AUTHOR).json()["requests"]


def test_going_back_to_change_loses_nothing(submitted: Any) -> None:
    status, shown = sent(submitted, act="change", runs="7")

    assert status == 200
    assert 'value="7"' in shown
    assert "There is a problem" not in shown


def test_a_project_is_asked_for_once(submitted: Any) -> None:
    sent(submitted, act="confirm")

    status, shown = sent(submitted, act="confirm", runs="9")

    assert status == 422
    assert "Any change is a new version" in shown


def test_closed_votes_show_nothing_but_that_they_are_closed(submitted: Any) -> None:
    sent(submitted, act="confirm")
    before = page(submitted, f"/{submitted.algorithm}")
    submitted.vote(submitted.algorithm, "meri", rationale="A secret reason.")

    shown = page(submitted, f"/{submitted.algorithm}")

    assert "you see none before it has decided" in shown
    assert "A secret reason." not in shown
    assert tasks(shown) == tasks(before)


def tasks(shown: str) -> str:
    return shown.partition(">Tasks<")[2].partition("The whole review")[0]


def test_open_votes_are_shown_with_their_reasons(submitted: Any) -> None:
    for member in ("meri", "mikko"):
        submitted.vote(submitted.algorithm, member, rationale=f"The reason of {member}.")

    shown = page(submitted, f"/{submitted.algorithm}")

    assert "The reason of meri." in shown
    assert "2 of 2 approvals" in shown
    assert 'href="/my/jobs/new"' in shown


def test_a_returned_version_is_shown_with_the_words_it_was_returned_with(submitted: Any) -> None:
    where = f"/reviews/{submitted.algorithm}"
    assert submitted.request("POST", f"{where}/requests", AUTHOR, json=review_request(submitted.world)).is_success
    declared = {"committee": COMMITTEE, "conflict": False}
    assert submitted.request("POST", f"{where}/declarations", "meri", json=declared).is_success
    said = {"committee": COMMITTEE, "project": PROJECT, "text": "Narrow the range. <b>Please</b>"}
    assert submitted.request("POST", f"{where}/returns", "meri", json=said).is_success

    shown = submitted.ada.get(f"/my/algorithms/{submitted.algorithm}").text

    assert "Narrow the range. &lt;b&gt;Please&lt;/b&gt;" in shown
    assert "Raise its version" in shown
    assert "Returned to you: " in page(submitted)
    form = html.unescape(submitted.ada.get(f"/my/algorithms/{submitted.algorithm}/ask").text)
    assert re.search(r"<button[^>]*disabled[^>]*>Check your answers", form)


def test_nobody_sees_or_asks_for_somebody_elses_version(submitted: Any) -> None:
    rita = Visitor(submitted, RESEARCHER)

    assert rita.get(f"/my/algorithms/{submitted.algorithm}").status_code == 404
    assert rita.get(f"/my/algorithms/{submitted.algorithm}/ask").status_code == 404
    assert rita.post(f"/my/algorithms/{submitted.algorithm}/ask", **filled(act="confirm")).status_code == 404
