"""A researcher composes a job in a real browser, its script off: accessible at every step, up to signing."""

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import filled_forms
import pytest
from client_home import home_of
from client_place import call, done
from factory import AUTHOR, RESEARCHER
from playwright.sync_api import Page, expect
from registry_process import Registry, running
from signed_in import origin_of, sign_in, without_script


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry with an approved version and a node that offers a dataset for it."""
    for made in running(tmp_path):
        world = made.world
        algorithm = made.publish("algorithms", world.sign(world.algorithm(), AUTHOR))
        for member in ("meri", "mikko"):
            made.publish("approvals", world.sign(world.approval(member, algorithm, made.roster), member))
        filled_forms.offer(made)
        yield made


def test_a_job_is_composed_up_to_the_command_that_signs_it(
    registry: Registry,
    page_of: Callable[..., Page],
    authenticator: Callable[[Page], str],
    assert_accessible: Callable[[Page], None],
    assert_no_csp_violation: Callable[[Page], None],
    screenshot: Callable[[Page, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO())
    page = sign_in(registry, RESEARCHER, page_of(origin_of(registry)), authenticator)

    compose(registry, page, assert_accessible)
    assert_no_csp_violation(page)
    page.goto(f"{origin_of(registry)}/my/jobs")
    assert_accessible(page)
    page.get_by_role("link", name="Jobs to be signed").click()
    screenshot(page, "to-be-signed")
    page.get_by_role("button", name="Forget it").click()
    expect(page.get_by_text("Nothing waits for your signature.")).to_be_visible()

    code = compose(registry, without_script(page, page_of, registry), lambda _: None)  # axe itself needs script
    sign = ("job", "sign", code, "--home", home_of(registry, tmp_path / RESEARCHER, RESEARCHER))
    unread = call(*sign)
    assert unread.problem == "confirm-needed"
    assert "rs7903146" in unread.err
    assert "committee(s) agree" in unread.err
    (sent,) = done(*sign, "--yes")
    assert registry.request("GET", f"/orders/{sent['order']}", RESEARCHER).json()["state"] == "queued"
    assert call(*sign, "--yes").code != 0  # the code has done what it was for


def compose(registry: Registry, page: Page, check: Callable[[Page], None]) -> str:
    """Every step, with one mistake on the way; returns the code."""
    page.goto(f"{origin_of(registry)}/my/jobs/new")
    check(page)
    page.get_by_role("button", name="Continue").click()
    check(page)
    page.get_by_label("variant").fill("rs7903146")
    filled_forms.check_answers(page)
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    assert page.get_by_label("variant").input_value() == "rs7903146"
    check(page)
    filled_forms.fill_job(page)
    expect(page.get_by_role("heading", name="Check your answers")).to_be_visible()
    check(page)
    code = filled_forms.confirm_job(page)
    check(page)
    return code
