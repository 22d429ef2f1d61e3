"""The node's admin page in a real browser: passkeys, deeds, axe, the strict policy, and what works without script."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import unit.node.conftest as node_fixtures
import uvicorn
from admin_place import WEB, Place, make_place
from factory import HOLDER
from page_routes import showing
from playwright.sync_api import Page, expect

from faces.browser import NAME
from protocol.documents.passkey import PasskeyOrigin
from sandbox.actions import admin_account
from sandbox.admin.app import make_app

kit, made = node_fixtures.kit, node_fixtures.made
made_folder, made_database = node_fixtures.made_folder, node_fixtures.made_database
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script><b hx-get=/audit hx-trigger=load>x</b>"
PAGES = ("/", "/jobs", "/datasets", "/policy", "/incidents", "/audit")
PARTS = ("/status/part", "/jobs/part", "/jobs/{order}/part")  # only ever shown within another page
SHOWN = {("GET", path) for path in (*PAGES, *PARTS, "/jobs/{order}", "/sign-in", "/enrol")} | {("POST", "/enrol")}
"""Every route that shows a page; `test_every_page_…` looks at each, and a new one without a place there fails."""


@dataclass
class Served:
    """The page of a test node, on a port of loopback."""

    place: Place
    origin: str

    def invite(self, name: str) -> str:
        """The code that `node admin invite` prints."""
        return admin_account.invite(self.place.desk.store, name, self.place.desk.now())


@pytest.fixture
def served(kit: Any) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    origin = f"http://localhost:{port}"
    place = make_place(kit)
    site = replace(place.desk.site, page=PasskeyOrigin(origin=origin, rp_id="localhost"))
    place.desk = replace(place.desk, site=site)
    config = uvicorn.Config(make_app(place.desk, WEB), host="127.0.0.1", port=port, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield Served(place, origin)
    server.should_exit = True
    thread.join()


def enrol(served: Served, page: Page, name: str) -> None:
    """Type the invitation's code, and make a passkey."""
    page.goto("/enrol")
    page.get_by_label("Code of the invitation").fill(served.invite(name))
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name=f"Make a passkey for {name}").click()
    page.wait_for_url(f"{served.origin}/")


def do(page: Page, deed: str, reason: str) -> None:
    """Give a reason, click, and wait until the node has done it."""
    page.get_by_label(f"Reason to {deed.lower()}").fill(reason)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("button", name=deed, exact=True).click()


def test_admin_enrols_signs_in_and_runs_the_node(
    served: Served,
    page_of: Callable[..., Page],
    authenticator: Callable[[Page], str],
    screenshot: Callable[[Page, str], None],
) -> None:
    page = page_of(served.origin)
    authenticator(page)
    enrol(served, page, "meri")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{served.origin}/")

    do(page, "Pause", "a new disk")
    expect(page.get_by_text("by admin:meri: a new disk")).to_be_visible()
    kit = served.place.kit
    order, other = kit.take(), kit.take()
    assert {kit.tick(one).state for one in (order, other)} == {"held"}
    page.goto("/jobs")
    assert page.get_by_text("admin has it paused; the job goes on when the admin resumes").count() >= 2
    screenshot(page, "node-jobs")
    page.get_by_role("link", name=other[:12]).click()
    do(page, "Cancel", "wrong cohort")
    assert kit.finish(other).state == "cancelled"
    page.goto(f"/jobs/{other}")
    assert page.get_by_role("button", name="Cancel").is_disabled()
    expect(page.get_by_text("Not possible: The job is cancelled already")).to_be_visible()
    kit.clock.advance(1)
    page.goto("/")
    do(page, "Resume", "the disk is in")
    assert kit.finish(order).state == "reported"
    page.goto("/audit")
    expect(page.get_by_text("the disk is in")).to_be_visible()


def test_back_button_after_signing_out_shows_nothing(
    served: Served, page_of: Callable[..., Page], authenticator: Callable[[Page], str]
) -> None:
    page = page_of(served.origin)
    authenticator(page)
    enrol(served, page, "meri")
    page.goto("/jobs")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").wait_for()

    page.go_back()

    assert page.url == f"{served.origin}/sign-in"


def test_page_renews_itself_while_it_is_in_sight(
    served: Served, page_of: Callable[..., Page], authenticator: Callable[[Page], str]
) -> None:
    page = page_of(served.origin)
    authenticator(page)
    enrol(served, page, "meri")
    page.goto("/jobs")
    order = served.place.kit.take()
    page.get_by_role("link", name=order[:12]).wait_for(timeout=10_000)

    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(6_000)
    assert asked == []


def test_two_admins_confirm_a_raised_cap(
    served: Served, page_of: Callable[..., Page], authenticator: Callable[[Page], str]
) -> None:
    policy = served.place.kit.node.trust.policy
    after = policy.model_copy(update={"version": policy.version + 1, "pool_cap_nano": policy.pool_cap_nano + 1})
    signed = served.place.kit.world.sign(after, HOLDER).decode()
    for name in ("meri", "paivi"):
        page = page_of(served.origin)
        authenticator(page)
        enrol(served, page, name)
        page.goto("/policy")
        if name == "meri":
            page.get_by_label("The holder's next policy, signed").fill(signed)
            page.get_by_role("button", name="Put it before the admins").click()
        page.get_by_role("button", name="Confirm with your passkey").click()
        page.get_by_text("You confirmed the policy.").wait_for()
    expect(page.get_by_text("Confirmed by meri and paivi.")).to_be_visible()
    expect(page.get_by_text("Two admins confirmed it.")).to_be_visible()


def test_the_table_names_every_page(served: Served) -> None:
    assert showing(served.place.app) == SHOWN


def test_every_page_keeps_what_it_must_and_shows_hostile_text_as_text(
    served: Served,
    page_of: Callable[..., Page],
    authenticator: Callable[[Page], str],
    assert_keeps: Callable[[Page], None],
) -> None:
    page = page_of(served.origin)
    authenticator(page)
    for address in ("/sign-in", "/enrol"):
        page.goto(address)
        assert_keeps(page)
    page.get_by_label("Code of the invitation").fill(served.invite("paivi"))
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Make a passkey for paivi").wait_for()
    assert_keeps(page)
    enrol(served, page, "meri")
    kit = served.place.kit
    done = kit.take()
    kit.finish(done)
    do(page, "Pause", MARKUP[:100])
    held = kit.take()
    kit.tick(held)
    with served.place.desk.store.transaction() as session:
        row = session.get_one(type(kit.row(held)), held)
        row.project = row.researcher = MARKUP[:99]
        row.sentence = MARKUP
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))

    for address in (*PAGES, f"/jobs/{held}", f"/jobs/{done}", "/nowhere", f"/jobs/{'0' * 64}"):
        page.goto(address)
        assert_keeps(page)
        assert page.locator("main img, main script, main [hx-trigger=load]").count() == 0
    page.goto("/jobs")
    expect(page.get_by_text(MARKUP).first).to_be_visible()
    assert dialogs == []


def test_everything_but_the_door_works_without_script(
    served: Served, page_of: Callable[..., Page], authenticator: Callable[[Page], str]
) -> None:
    with_script = page_of(served.origin)
    authenticator(with_script)
    enrol(served, with_script, "meri")
    session = next(cookie for cookie in with_script.context.cookies() if cookie["name"] == NAME)
    page = page_of(served.origin, script=False)
    page.goto("/sign-in")
    assert "A passkey needs script for this one button." in page.content()
    page.context.add_cookies([session])
    held = served.place.kit.take()

    page.goto("/")
    do(page, "Drain", "no script here")
    expect(page.get_by_text("by admin:meri: no script here")).to_be_visible()
    served.place.kit.tick(held)
    page.get_by_role("link", name="Queue").click()
    page.get_by_role("link", name=held[:12]).click()
    do(page, "Retry", "soon")
    expect(page.get_by_text("The job is looked at now.")).to_be_visible()
    for address in PAGES:
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
