"""An author asks committees in a real browser, with script and without: accessible, up to the request that is sent."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from factory import AUTHOR, COMMITTEE, DATASET, NODE, PURPOSE, RESEARCHER
from playwright.sync_api import Page
from registry_process import Registry, running
from signed_in import origin_of, sign_in, without_script

ENTRY = {
    "dataset": DATASET, "snapshot": "s", "country": "FI", "assembly": "GRCh38", "people": 12_800, "slots": 12_800,
    "unit": "family", "maximum_family_size": 4, "columns": ["age", "sex"], "sites": None, "duo": [],
}  # fmt: skip


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry with one submitted version and a node that offers a dataset for it."""
    for made in running(tmp_path):
        made.publish("algorithms", made.world.sign(made.world.algorithm(), AUTHOR))
        put = made.request("PUT", f"/nodes/{NODE}/catalogue", NODE, json={"datasets": [ENTRY]})
        put.raise_for_status()
        yield made


def test_an_author_asks_committees_with_and_without_script(
    registry: Registry,
    page_of: Callable[..., Page],
    authenticator: Callable[[Page], str],
    assert_accessible: Callable[[Page], None],
    assert_no_csp_violation: Callable[[Page], None],
    screenshot: Callable[[Page, str], None],
) -> None:
    page = sign_in(registry, AUTHOR, page_of(origin_of(registry)), authenticator)

    page.goto(f"{origin_of(registry)}/my/algorithms")
    assert_accessible(page)
    ask(registry, page, "t2d", assert_accessible)
    assert_no_csp_violation(page)
    screenshot(page, "my-algorithm")

    ask(registry, without_script(page, page_of, registry), "bmi", lambda _: None)  # axe itself needs script


def ask(registry: Registry, page: Page, project: str, check: Callable[[Page], None]) -> None:
    """From the list to the request that was sent, with one mistake on the way."""
    page.goto(f"{origin_of(registry)}/my/algorithms")
    page.get_by_role("link", name="association 1.0.0").click()
    check(page)
    page.get_by_role("link", name="Request to committees").click()
    page.get_by_label("Project").fill(project)
    page.get_by_label("What is it for").fill("Which variants go with the disease?")
    page.get_by_role("button", name="Check your answers").click()
    assert page.get_by_role("heading", name="There is a problem").is_visible()
    assert page.get_by_label("Project").input_value() == project
    check(page)
    page.get_by_label("Who may order?").fill(RESEARCHER)
    for label in (COMMITTEE, "cohort-fi at node-fi", PURPOSE):
        page.get_by_label(label).check()
    amounts = {"How many runs": "4", "ρ for one job": "0.03125", "ρ in total": "0.125", "Last day": "2099-12-31"}
    for label, amount in amounts.items():
        page.get_by_label(label).fill(amount)
    page.get_by_role("button", name="Check your answers").click()
    assert page.get_by_text("62.5 %").is_visible()
    check(page)
    page.get_by_role("button", name="Send to the committees").click()
    assert page.get_by_text(f"Decision of {COMMITTEE}, for {project}").is_visible()
    check(page)
