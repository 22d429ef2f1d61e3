"""The page of results that the researcher's own machine writes: complete, static, and nothing in it is markup."""

import base64
import hashlib
import html
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from factory import World
from vectors.receipt_cases import COUNTED, VOTED

from client.commands.common import write_file
from client.commands.job_page import PLOTS_MOST, results_page
from client.commands.job_plot import Mark, draw
from client.errors import Conflict
from client.results import Result, combine_all

WORLD = World()
ORDER = WORLD.order()
NUMBER = WORLD.release(ORDER, "0" * 64).numbers[0].model_dump()
WITH_ERROR = {**NUMBER, "standard_error": "0.05"}


def result(*outputs: Any, node: str = "node-fi", **changes: Any) -> Result:
    issued = datetime(2026, 11, 23, tzinfo=UTC)
    receipt = WORLD.receipt(ORDER, "0" * 64, node=node, issued=issued, **changes)
    release = WORLD.release(ORDER, "0" * 64, outputs=list(outputs)) if outputs else None
    return Result(order="0" * 64, receipt=receipt, release=release)


def shown(*results: Result) -> str:
    return results_page(results, combine_all(results))


def test_every_value_stands_in_a_table_with_its_intervals() -> None:
    page = html.unescape(shown(result(NUMBER, VOTED, COUNTED)))

    for told in ("0.3100", "0.2000 to 0.4000", "noise 99.9 %", "alleles [A]", "2.0000 to 22.0000", VOTED["claim"]):
        assert told in page
    assert "The median without noise." in page
    assert "No timing channel." in page


def test_nodes_are_drawn_on_one_scale_with_what_they_say_together() -> None:
    page = shown(result(WITH_ERROR), result(WITH_ERROR, node="node-es"))

    (picture,) = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    for row in ("node-fi", "node-es", "together"):
        assert f">{row}</text>" in picture
    assert "The estimates are independent: no person is counted at two nodes." in page


def test_bars_of_several_nodes_are_drawn_in_one_picture_with_what_they_say_together() -> None:
    page = shown(result(COUNTED), result(COUNTED, node="node-es"))

    (picture,) = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    for row in ("A, node-fi", "A, node-es", "A, together"):
        assert f">{row}</text>" in picture


def test_a_refusal_says_code_reason_and_what_to_do_next() -> None:
    page = shown(result(decision="refused", code="budget-project", reason="The project has spent its cap."))

    assert "budget-project" in page
    assert "The project has spent its cap." in page
    assert "Ask for less ρ" in page
    assert "<svg" not in page


def test_the_page_runs_no_script_and_allows_exactly_its_own_style() -> None:
    page = shown(result(NUMBER, VOTED, COUNTED))

    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page
    assert not re.search(r"<script|\son[a-z]+=|\sstyle=|<link|<img|src=|href=", page)


def test_text_from_a_node_is_never_markup() -> None:
    hostile = "<script>alert(1)</script>"
    release = WORLD.release(ORDER, "0" * 64, outputs=[{**COUNTED, "bars": _named(COUNTED, hostile)}])
    refused = result(decision="refused", code="gate-blocks", reason=hostile)
    page = shown(result(*release.model_dump()["outputs"]), refused)

    assert "<script" not in page
    assert html.escape(hostile) in page


def _named(counted: dict[str, Any], category: str) -> list[dict[str, Any]]:
    return [{**bar, "category": category} for bar in counted["bars"][:1]]


def test_more_outputs_than_anybody_looks_at_are_in_the_tables_alone() -> None:
    many = [{**NUMBER, "name": f"beta{number}"} for number in range(PLOTS_MOST + 1)]
    page = shown(result(*many))

    assert page.count("<svg") == PLOTS_MOST
    assert f'<th scope="row">beta{PLOTS_MOST}</th>' in page


@pytest.mark.parametrize("value", [0.0, -3.0, 1e-9, 1e12])
def test_one_value_without_an_interval_is_drawn_too(value: float) -> None:
    picture = draw("alone", [Mark(label="node-fi", value=value, noise=None, total=None)])

    places = [float(x) for x in re.findall(r"M([-0-9.]+) ", picture)]
    assert all(0 <= x <= 720 for x in places)


def test_a_page_that_is_there_is_kept(tmp_path: Path) -> None:
    write_file(tmp_path / "results.html", b"first", force=False)
    with pytest.raises(Conflict, match="already there"):
        write_file(tmp_path / "results.html", b"second", force=False)
    write_file(tmp_path / "results.html", b"third", force=True)
    assert (tmp_path / "results.html").read_bytes() == b"third"
