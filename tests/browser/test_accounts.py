"""Registering a passkey, signing in and out, and sessions that end."""

from collections.abc import Callable, Iterator

import pytest
from factory import NODE, OFFICE, RESEARCHER
from playwright.sync_api import Page, expect
from registry_process import Registry, running
from signed_in import invitation, origin_of, sign_in, without_script

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    for made in running(tmp_path_factory.mktemp("browser")):
        made.job = made.publish("orders", made.order())
        yield made


def test_a_passkey_is_registered_once_signs_in_again_and_out(registry, page_of: Open, authenticator) -> None:
    page = page_of(origin_of(registry))
    authenticator(page)
    address = invitation(registry, RESEARCHER)
    page.goto(address)
    page.get_by_role("button", name="Register a passkey").click()
    page.wait_for_url("**/account")
    before = page.context.cookies()[0]["value"]

    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(origin_of(registry) + "/")
    page.goto("/my/jobs")
    expect(page).to_have_url(origin_of(registry) + "/sign-in?next=/my/jobs")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(origin_of(registry) + "/my/jobs")

    assert page.context.cookies()[0]["value"] != before
    assert page.context.cookies()[0]["httpOnly"]
    assert page.goto(address).status == 403  # an invitation is good once


def test_a_passkey_that_nobody_registered_here_signs_nobody_in(registry, page_of: Open, authenticator) -> None:
    page = page_of(origin_of(registry))
    authenticator(page)
    page.goto(invitation(registry, "meri"))
    other = page.evaluate("document.querySelector('form[data-passkey]').dataset.options")
    page.evaluate(
        """async (options) => {
            const asked = PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(options));
            await navigator.credentials.create({publicKey: asked});
        }""",
        other,
    )

    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_text("This passkey is not registered here")).to_be_visible()


def test_signing_out_everywhere_ends_the_other_browser_too(registry, page_of: Open, authenticator) -> None:
    here = sign_in(registry, "mikko", page_of(origin_of(registry)), authenticator)
    there = sign_in(registry, "mikko", page_of(origin_of(registry)), authenticator)

    here.goto("/account")
    here.get_by_role("button", name="Sign out everywhere", exact=True).click()
    here.wait_for_url(origin_of(registry) + "/")
    there.goto("/account")

    expect(there).to_have_url(origin_of(registry) + "/sign-in?next=/account")


def test_the_back_button_after_signing_out_shows_nothing_private(registry, page_of: Open, authenticator) -> None:
    page = sign_in(registry, "maria", page_of(origin_of(registry)), authenticator)
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(origin_of(registry) + "/")

    page.go_back()

    expect(page.get_by_role("heading", name="Your account")).not_to_be_visible()


def test_an_office_invites_a_member_without_script(registry, page_of: Open, authenticator) -> None:
    page = sign_in(registry, OFFICE, page_of(origin_of(registry)), authenticator)
    plain = without_script(page, page_of, registry)
    plain.goto("/office/people/rita")
    plain.get_by_role("button", name="Make an invitation").click()

    address = plain.locator("code").inner_text()

    assert page.goto(address).status == 200
    expect(page.get_by_role("heading", name="Register a passkey for rita")).to_be_visible()


def test_a_jobs_state_renews_itself_while_it_is_looked_at(registry, page_of: Open, authenticator) -> None:
    page = sign_in(registry, RESEARCHER, page_of(origin_of(registry)), authenticator)
    page.goto(f"/my/jobs/{registry.job}")
    told = page.locator("main .govuk-tag").first
    expect(told).to_have_text("queued")

    body = {"order": registry.job, "state": "running"}
    assert registry.request("POST", f"/nodes/{NODE}/progress", NODE, json=body).is_success

    expect(told).to_have_text("running", timeout=8000)
