"""A committee's pages in a real browser: a member declares and confirms; accessible, within the policy on content."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from factory import AUTHOR
from playwright.sync_api import Page
from registry_process import Registry, running
from review_requests import review_request
from signed_in import origin_of, sign_in


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    yield from running(tmp_path)


def test_a_member_declares_and_confirms(
    registry: Registry,
    page_of: Callable[..., Page],
    authenticator: Callable[[Page], str],
    assert_accessible: Callable[[Page], None],
    assert_no_csp_violation: Callable[[Page], None],
    screenshot: Callable[[Page, str], None],
) -> None:
    algorithm = registry.publish("algorithms", registry.world.sign(registry.world.algorithm(), AUTHOR))
    request = review_request(registry.world)
    registry.request("POST", f"/reviews/{algorithm}/requests", AUTHOR, json=request).raise_for_status()
    page = sign_in(registry, "meri", page_of(origin_of(registry)), authenticator)

    page.goto(f"{origin_of(registry)}/reviews")
    assert_accessible(page)
    page.get_by_role("link", name="association 1.0.0").click()
    assert_accessible(page)
    page.get_by_label("No: I work with none").check()
    page.get_by_role("button", name="Declare").click()
    page.get_by_label("Approve, as it was asked").check()
    page.get_by_label("Your reasons").fill("A median.")
    screenshot(page, "review")
    page.get_by_role("button", name="Confirm, then sign").click()

    assert page.get_by_text("safeconduct review sign").count() == 1
    assert_accessible(page)
    assert_no_csp_violation(page)
