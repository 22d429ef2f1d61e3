"""An author asks committees in a real browser, with script and without: accessible, up to the request that is sent."""

from collections.abc import Callable, Iterator
from pathlib import Path

import filled_forms
import pytest
from factory import AUTHOR, COMMITTEE
from playwright.sync_api import Page, expect
from registry_process import Registry, running
from signed_in import origin_of, sign_in, without_script


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry with one submitted version and a node that offers a dataset for it."""
    for made in running(tmp_path):
        made.publish("algorithms", made.world.sign(made.world.algorithm(), AUTHOR))
        filled_forms.offer(made)
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
    filled_forms.check_answers(page)
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    assert page.get_by_label("Project").input_value() == project
    check(page)
    filled_forms.fill_request(page, project)
    expect(page.get_by_text("62.5 %")).to_be_visible()
    check(page)
    filled_forms.send_request(page)
    expect(page.get_by_text(f"Decision of {COMMITTEE}, for {project}")).to_be_visible()
    check(page)
