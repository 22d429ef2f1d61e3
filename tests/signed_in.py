"""Sign people in to a running registry, as they would do it: an invitation by their key, a passkey, a session."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page
from registry_process import Registry


def origin_of(registry: Registry) -> str:
    """Where browsers open this registry's pages: passkeys are given to a name, not to a number."""
    return f"http://localhost:{registry.port}"


def invitation(registry: Registry, who: str) -> str:
    """The address at which `who`, having shown the accredited key, registers a passkey."""
    answer = registry.request("POST", "/invitations", who)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"])


def sign_in(
    registry: Registry, who: str, page: Page, authenticator: Callable[[Page], str], invited: str | None = None
) -> Page:
    """Register a passkey for `who` on this page's own authenticator, by an invitation that was given or a new one."""
    authenticator(page)
    page.goto(invited or invitation(registry, who))
    page.get_by_role("button", name="Register a passkey").click()
    page.wait_for_url("**/account")
    return page


def without_script(page: Page, page_of: Callable[..., Page], registry: Registry, **options: Any) -> Page:
    """The same session in a browser whose script is off."""
    plain = page_of(origin_of(registry), script=False, **options)
    plain.context.add_cookies(page.context.cookies())
    return plain
