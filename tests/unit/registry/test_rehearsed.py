"""Rehearsals on the review page: declared beside observed, plots without markup of strangers, what a project ran."""

import re
from typing import Any

import pytest
from factory import AUTHOR, NODE, OFFICE, PROJECT, RESEARCHER, World
from review_visits import asked_review, shown, visit
from vectors.rehearsal_cases import rehearsal as report

from registry.domain.rehearsed import ROWS_MOST, WIDTH, look_at

WORLD = World()
OUTPUT = report().outputs[0].model_dump(mode="json")
REHEARSER = "node-rehearsal"


def output(**changes: Any) -> dict[str, Any]:
    return OUTPUT | changes


def test_a_report_lies_within_the_declared_range() -> None:
    found = look_at(report(), WORLD.algorithm())

    (row,) = found.rows
    assert (row.name, row.low, row.high) == ("log_odds_ratio", "-2", "2")
    assert row.dot == int((0.312 + 2) / 4 * WIDTH)
    assert row.tick == int((0.298 + 2) / 4 * WIDTH)
    assert row.band == (int((0.298 - 0.068 + 2) / 4 * WIDTH), int((0.298 + 0.068 + 2) / 4 * WIDTH))
    assert (found.unseen, found.undeclared, found.failed) == ((), (), 1)
    assert found.failures == (("exit-code", 1),)
    assert found.chambers == (WIDTH * 126 // 128, WIDTH * 127 // 128)


def test_declared_and_observed_are_told_apart() -> None:
    found = look_at(report(outputs=[output(name="secret")]), WORLD.algorithm())

    assert (found.unseen, found.undeclared, found.rows) == (("log_odds_ratio",), ("secret",), ())


@pytest.mark.parametrize(
    ("changes", "dot", "tick"),
    [
        ({"value": "99"}, WIDTH, int((0.298 + 2) / 4 * WIDTH)),
        ({"value": "-99"}, 0, int((0.298 + 2) / 4 * WIDTH)),
        ({"noiseless": "no number"}, int((0.312 + 2) / 4 * WIDTH), None),
        ({"noiseless": "NaN"}, int((0.312 + 2) / 4 * WIDTH), None),
        ({"noiseless": "1e999999999"}, int((0.312 + 2) / 4 * WIDTH), None),
    ],
)
def test_marks_stay_in_the_drawing(changes: dict[str, Any], dot: int, tick: int | None) -> None:
    (row,) = look_at(report(outputs=[output(**changes)]), WORLD.algorithm()).rows

    assert (row.dot, row.tick) == (dot, tick)
    assert row.band is not None
    assert 0 <= row.band[0] <= row.band[1] <= WIDTH


@pytest.mark.parametrize("value", ["NaN", "Infinity", "case", "9" * 190])
def test_what_is_no_number_has_no_row(value: str) -> None:
    assert look_at(report(outputs=[output(value=value)]), WORLD.algorithm()).rows == ()


def test_only_what_is_released_within_its_range_is_drawn_and_no_more_than_fit() -> None:
    many = [{**WORLD.algorithm().outputs[0].model_dump(mode="json"), "name": f"o{number}"} for number in range(60)]
    algorithm = WORLD.algorithm(outputs=many)
    found = look_at(report(outputs=[output(name=f"o{number}") for number in range(60)]), algorithm)
    assert len(found.rows) == ROWS_MOST
    assert len(found.outputs) == 60

    summed = WORLD.algorithm(mode="unit", outputs=[many[0] | {"aggregator": "sum"}])
    assert look_at(report(outputs=[output(name="o0")]), summed).rows == ()


def test_parameters_that_do_not_fit_declare_nothing() -> None:
    listed = {**WORLD.algorithm().outputs[0].model_dump(mode="json"), "each": "variants"}
    names = {"type": "string", "maxLength": 40, "pattern": "^rs[0-9]+$"}
    variants = {"type": "array", "items": names, "minItems": 1, "maxItems": 4, "uniqueItems": True}
    schema = {"type": "object", "properties": {"variants": variants}, "required": ["variants"]}
    algorithm = WORLD.algorithm(outputs=[listed], parameters=schema | {"additionalProperties": False})

    assert look_at(report(parameters={}), algorithm).undeclared == ("log_odds_ratio",)


def rehearsed(hub: Any, **changes: Any) -> str:
    """A version with a report on it, asked about."""
    node = hub.world.accreditation(REHEARSER, roles=["rehearsal"])
    hub.publish("accreditations", hub.world.sign(node, OFFICE))
    algorithm = asked_review(hub)
    hub.publish("rehearsals", hub.world.sign(report(by=REHEARSER, **changes), REHEARSER))
    return algorithm


def test_the_page_draws_a_report_and_says_the_same_in_a_table(settled: Any) -> None:
    fault = {"level": "fault", "code": "chambers-failed", "sentence": "<script>alert(1)</script> failed."}
    hostile = output(mechanism='"><script>alert(2)</script>', noiseless="<svg onload=alert(3)>")
    algorithm = rehearsed(settled, fit=False, findings=[fault], outputs=[hostile])

    page = visit(settled, "meri", f"/reviews/{algorithm}").text

    assert "126 of 128 chambers gave what was declared, 1 failed, 1 had nobody" in page
    assert page.count("<svg") == 2
    assert '<circle class="face-plot__dot"' in page
    assert "<script>alert" not in page
    assert "<svg onload" not in page
    assert "not fit" in page
    assert "0.312" in page
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        assert "style=" not in drawing
        assert "<script" not in drawing
        assert 'role="img"' in drawing
        assert "<title" in drawing


def test_members_see_what_a_project_has_run_and_others_do_not(settled: Any) -> None:
    algorithm = asked_review(settled)
    raw = settled.order(algorithm, approvals=[settled.vote(algorithm, "meri").json()["digest"]])
    settled.publish("orders", raw)
    released = {
        "decision": "released", "code": "released", "reason": "", "rho_charged_nano": 31_250_000,
        "release_digest": "0" * 64, "measurement": "{}", "snapshot": "s1",
    }  # fmt: skip
    answer = settled.post(f"/nodes/{NODE}/receipts", settled.refusal(raw, **released), NODE)
    assert answer.status_code == 201, answer.text

    for who in ("meri", "mikko"):
        page = shown(settled, who, f"/reviews/{algorithm}")
        assert f"What project {PROJECT} has already run" in page
        assert "cohort-fi at node-fi" in page
        assert "0.03125" in page
    for who in (AUTHOR, RESEARCHER, OFFICE):
        assert "has already run" not in shown(settled, who, f"/reviews/{algorithm}")
