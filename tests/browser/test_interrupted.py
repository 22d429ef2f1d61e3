"""Somebody is interrupted in a real browser: the session ends in the middle of a form; going back after signing out."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from factory import AUTHOR
from playwright.sync_api import Page, expect
from registry_process import Registry, running
from review_requests import review_request
from signed_in import origin_of, sign_in, without_script


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    yield from running(tmp_path)


def test_a_session_that_ends_while_somebody_writes_loses_no_word(
    registry: Registry,
    page_of: Callable[..., Page],
    authenticator: Callable[[Page], str],
    assert_accessible: Callable[[Page], None],
) -> None:
    address = under_review(registry)
    page = sign_in(registry, "meri", page_of(origin_of(registry)), authenticator)
    page.goto(address)
    page.get_by_label("Yes: I take no part").check()
    page.get_by_label("If so, which?").fill("The author is a former student of mine.")

    elsewhere = without_script(page, page_of, registry)
    elsewhere.goto("/account")
    elsewhere.get_by_role("button", name="Sign out everywhere", exact=True).click()
    page.get_by_role("button", name="Declare").click()

    expect(page.get_by_text("The author is a former student of mine.")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("main").get_by_role("link", name="Sign in").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(address)
    expect(page.get_by_role("button", name="Declare")).to_be_visible()


def test_the_back_button_after_signing_out_shows_no_review_and_nothing_typed(
    registry: Registry, page_of: Callable[..., Page], authenticator: Callable[[Page], str]
) -> None:
    page = sign_in(registry, "meri", page_of(origin_of(registry)), authenticator)
    page.goto(under_review(registry))
    page.get_by_label("If so, which?").fill("Between us.")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(f"{origin_of(registry)}/")

    page.go_back()

    assert page.url.startswith(f"{origin_of(registry)}/sign-in?next=/reviews/")
    assert "Between us." not in page.content()


def under_review(registry: Registry) -> str:
    """The page of a version whose committee was asked."""
    algorithm = registry.publish("algorithms", registry.world.sign(registry.world.algorithm(), AUTHOR))
    request = review_request(registry.world)
    registry.request("POST", f"/reviews/{algorithm}/requests", AUTHOR, json=request).raise_for_status()
    return f"{origin_of(registry)}/reviews/{algorithm}"
