"""What browser tests share: one Chromium for each module, pages of a program, authenticators, and what pages keep.

    def test_something(page_of, authenticator, assert_accessible):
        page = page_of("http://localhost:8400")        # a page of a fresh browser profile; script=False without script
        authenticator(page)                            # it has a passkey device of its own, which always agrees
        page.goto("/sign-in")
        assert_accessible(page)

Every page is watched: a violation of the Content-Security-Policy, a page without the strict one, an exception of a
script, or a request to another origin fails the test at its end.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, Response, sync_playwright

CHROMIUM = "/usr/bin/chromium"
AXE = Path(os.environ["SAFECONDUCT_WEB"]).parent / "node_modules/axe-core/axe.min.js"
SCREENSHOTS = Path(__file__).resolve().parents[2] / ".run/screenshots"
DESK, PHONE = {"width": 1100, "height": 800}, {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; as root it runs without its sandbox.

    One for each module: as long as it lives this thread has a running event loop, and other tests start their own.
    """
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.getuid() == 0 else []
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


class Watch:
    """What a page did that it must not."""

    def __init__(self, page: Page, origin: str) -> None:
        self.faults: list[str] = []
        page.on("console", lambda message: self._hear(message.text))
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("request", lambda request: self._see(request.url, origin))
        page.on("response", self._read)

    def _hear(self, text: str) -> None:
        if "Content Security Policy" in text or "Content-Security-Policy" in text:
            self.faults.append(text)

    def _see(self, url: str, origin: str) -> None:
        if not url.startswith((f"{origin}/", "data:", "blob:")) or "/assets/fonts" in url:
            self.faults.append(f"asked for {url}")

    def _read(self, answer: Response) -> None:
        if answer.headers.get("content-type", "").startswith("text/html") and answer.url.startswith("http"):
            policy = answer.headers.get("content-security-policy", "")
            if not is_strict(policy):
                self.faults.append(f"{answer.url} has the policy {policy!r}")


def is_strict(policy: str) -> bool:
    """Whether a Content-Security-Policy begins with nothing and adds the page's own site only."""
    found = set(re.findall(r"'[a-z-]+'|https?:\S+|data:", policy))
    return policy.startswith("default-src 'none';") and found == {"'none'", "'self'"}


@pytest.fixture
def page_of(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return the maker of pages, each in a profile of its own; what they did wrong fails the test."""
    contexts, watches = [], []

    def make(origin: str, *, script: bool = True, **options: Any) -> Page:
        given = {"base_url": origin, "java_script_enabled": script, "viewport": DESK} | options
        context = browser.new_context(**given)
        context.set_default_timeout(10_000)
        page = context.new_page()
        contexts.append(context)
        watches.append(Watch(page, origin))
        return page

    yield make
    faults = [fault for watch in watches for fault in watch.faults]
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture
def authenticator(authenticator_of: Callable[[CDPSession], str]) -> Callable[[Page], str]:
    """Return what gives a page a passkey device."""
    return lambda page: authenticator_of(page.context.new_cdp_session(page))


@pytest.fixture
def authenticator_of() -> Callable[[CDPSession], str]:
    """Return what adds a passkey device to a page's debugger: resident keys, the user verified and present at once."""

    def add(devtools: CDPSession) -> str:
        devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True,
        }  # fmt: skip
        return str(devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"])

    return add


@pytest.fixture
def assert_accessible() -> Callable[[Page], None]:
    """Return the check that axe finds nothing; its script comes by the debugger, which no policy of the page binds."""
    source = AXE.read_text()

    def check(page: Page) -> None:
        page.evaluate(source)
        found = page.evaluate("async () => (await axe.run()).violations")
        assert not found, json.dumps(
            [{each["id"]: [node["html"][:200] for node in each["nodes"]]} for each in found], indent=1
        )

    return check


@pytest.fixture
def assert_keeps(assert_accessible: Callable[[Page], None]) -> Callable[[Page], None]:
    """Return the check of light on a desk and dark on a phone: axe finds nothing, and nobody scrolls sideways."""

    def check(page: Page) -> None:
        assert_accessible(page)
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size(PHONE)
        assert_accessible(page)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], f"{page.url} is {wide} wide"
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(DESK)

    return check


@pytest.fixture
def assert_no_csp_violation() -> Callable[[Page], None]:
    """Return the check that the page's policy is the strict one; violations fail the test by themselves."""

    def check(page: Page) -> None:
        answer = page.request.get(page.url)
        assert is_strict(answer.headers["content-security-policy"])

    return check


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Return what keeps a picture of a page for the documents."""

    def take(page: Page, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return take
