"""A mail address from the account page to the letter, its link, and the page that confirms it, without script."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from factory import RESEARCHER
from mail_capture import Capture, capturing
from playwright.sync_api import Page, expect
from registry_process import Registry, running
from signed_in import origin_of, sign_in, without_script

ADDRESS = "rita@people.test"


@pytest.fixture
def mailing(tmp_path: Path) -> Iterator[tuple[Registry, Capture]]:
    with capturing() as (capture, port):
        settings = {"SMTP_URL": f"smtp://127.0.0.1:{port}", "MAIL_FROM": "registry@registry.test"}
        for registry in running(
            tmp_path, **{f"SAFECONDUCT_REGISTRY_{name}": value for name, value in settings.items()}
        ):
            yield registry, capture


def test_a_person_confirms_a_mail_address_and_removes_it(
    mailing: tuple[Registry, Capture],
    page_of: Callable[..., Page],
    authenticator: Callable[[Page], str],
    assert_accessible: Callable[[Page], None],
) -> None:
    registry, capture = mailing
    page = sign_in(registry, RESEARCHER, page_of(origin_of(registry)), authenticator)
    plain = without_script(page, page_of, registry)
    plain.goto("/account")
    plain.get_by_label("Mail address").fill("rita at people")
    plain.get_by_role("button", name="Send the link").click()
    expect(plain.get_by_role("link", name="This is no plain mail address")).to_be_visible()
    expect(plain.get_by_label("Mail address")).to_have_value("rita at people")

    page.get_by_label("Mail address").fill(ADDRESS)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_text(f"A link goes to {ADDRESS}")).to_be_visible()
    assert_accessible(page)
    plain.goto(linked(page, capture))
    expect(plain.get_by_text(ADDRESS)).to_be_visible()
    plain.get_by_role("button", name="Send my messages there").click()

    expect(plain.get_by_text("Your messages also go to")).to_contain_text(ADDRESS)
    plain.get_by_role("button", name="Remove the mail address").click()
    expect(plain.get_by_text("Your messages are in your inbox, and nowhere else.")).to_be_visible()


def linked(page: Page, capture: Capture) -> str:
    """The link in the letter; the registry looks for what is to be mailed every few seconds."""
    for _ in range(300):
        if capture.to(ADDRESS):
            (found,) = re.findall(r"https?://\S+", capture.to(ADDRESS)[0].get_content())
            return str(found)
        page.wait_for_timeout(100)
    raise AssertionError("no letter within 30 s")
