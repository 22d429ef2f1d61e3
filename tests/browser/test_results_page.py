"""The page of results on the researcher's own machine in a real browser: accessible, static, within its own policy."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from factory import World
from playwright.sync_api import Page, expect
from vectors.receipt_cases import COUNTED, VOTED

from client.commands.job_page import results_page
from client.results import Result, combine_all


def test_results_are_accessible_without_script_and_from_one_file(
    tmp_path: Path,
    page_of: Callable[..., Page],
    assert_accessible: Callable[[Page], None],
    screenshot: Callable[[Page, str], None],
) -> None:
    written = tmp_path / "results.html"
    written.write_text(results_page(found := _results(), combine_all(found)), encoding="utf-8")
    page = page_of(f"file://{tmp_path}", script=True)

    page.goto(written.as_uri())

    expect(page.get_by_role("heading", name="Results")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") == "960px"  # its style is let in
    assert_accessible(page)
    screenshot(page, "results")


def _results() -> list[Result]:
    world = World()
    order = world.order()
    number = {**world.release(order, "0" * 64).numbers[0].model_dump(), "standard_error": "0.05"}
    told: tuple[Any, ...] = (number, VOTED, COUNTED)
    found = []
    for at, node in enumerate(("node-es", "node-fi"), 2):
        receipt = world.receipt(order, "0" * 64, node=node, issued=datetime(2026, 11, 23, tzinfo=UTC))
        release = world.release(order, "0" * 64, node=node, outputs=list(told))
        found.append(Result(order=str(at) * 64, receipt=receipt, release=release))
    refused = world.receipt(order, "1" * 64, node="node-fr")
    return [*found, Result(order="1" * 64, receipt=refused, release=None)]
