"""Every page of the registry, as somebody who may see it: accessible, strict, narrow enough, and there without script.

A route that shows a page and has no line in `PAGES` fails (`test_the_table_names_every_page`).
"""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import filled_forms
import pytest
from authenticator import PAGE, Authenticator
from factory import AUTHOR, NODE, OFFICE, RESEARCHER, digest_of
from fastapi import FastAPI
from page_routes import showing
from playwright.sync_api import Page, expect
from registry_process import Registry, signing_here
from review_requests import review_request
from signed_in import invitation, origin_of, sign_in, without_script

from protocol.documents.envelope import read_envelope
from protocol.documents.job_order import JobOrder
from protocol.documents.key_proof import proof_bytes
from protocol.documents.passkey import vote_challenge
from registry.api import problems
from registry.web import pages

NOBODY, MEMBER, SIGNER = "nobody", "meri", "maria"
Act = Callable[[Page], object]


def press(name: str) -> Act:
    """Press the button of this name."""
    return lambda page: page.get_by_role("button", name=name).click()


def suspend(page: Page) -> None:
    """Go on to the page that asks whether to suspend."""
    page.get_by_label("Why? Every reader of this page sees it").first.fill("The range is doubted.")
    press("Go on to suspend")(page)


def go_on_to_sign(page: Page) -> None:
    """Declare once, decide, and go on to the page that asks for the signing passkey."""
    if page.get_by_role("button", name="Declare").count():
        page.get_by_label("No: I work with none").check()
        press("Declare")(page)
    page.get_by_label("Approve, as it was asked").check()
    page.get_by_label("Your reasons").fill("A median of blocks.")
    press("Confirm, then sign")(page)
    page.get_by_role("link", name="Sign on this page instead").click()


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks, where, and what they do there to come to the page."""

    who: str
    address: str
    act: Act | None = None


PAGES: Mapping[tuple[str, str], Look] = {
    ("GET", "/"): Look(NOBODY, "/"),
    ("GET", "/algorithms"): Look(NOBODY, "/algorithms"),
    ("GET", "/algorithms/{digest}"): Look(NOBODY, "/algorithms/{review}"),
    ("GET", "/nodes"): Look(NOBODY, "/nodes"),
    ("GET", "/process"): Look(NOBODY, "/process"),
    ("GET", "/log"): Look(NOBODY, "/log"),
    ("GET", "/docs"): Look(NOBODY, "/docs"),
    ("GET", "/sign-in"): Look(NOBODY, "/sign-in"),
    ("GET", "/enrol"): Look(NOBODY, "{invitation}"),
    ("GET", "/account"): Look(RESEARCHER, "/account"),
    ("GET", "/account/address"): Look(RESEARCHER, "/account/address"),
    ("POST", "/account/address"): Look(RESEARCHER, "/account", press("Send the link")),  # with nothing typed
    ("GET", "/my/algorithms"): Look(AUTHOR, "/my/algorithms"),
    ("GET", "/my/algorithms/{digest}"): Look(AUTHOR, "/my/algorithms/{review}"),
    ("GET", "/my/algorithms/{digest}/ask"): Look(AUTHOR, "/my/algorithms/{review}/ask"),
    ("POST", "/my/algorithms/{digest}/ask"): Look(
        AUTHOR, "/my/algorithms/{review}/ask", lambda page: filled_forms.fill_request(page, "bmi")
    ),
    ("GET", "/my/jobs"): Look(RESEARCHER, "/my/jobs"),
    ("GET", "/my/jobs/new"): Look(RESEARCHER, "/my/jobs/new"),
    ("POST", "/my/jobs/new"): Look(RESEARCHER, "/my/jobs/new?of={approved} t2d", filled_forms.fill_job),
    ("GET", "/my/jobs/drafts"): Look(
        RESEARCHER,
        "/my/jobs/new?of={approved} t2d",
        lambda page: (filled_forms.fill_job(page), filled_forms.confirm_job(page)),
    ),
    ("GET", "/my/jobs/{digest}"): Look(RESEARCHER, "/my/jobs/{refused}"),
    ("GET", "/inbox"): Look(MEMBER, "/inbox"),
    ("GET", "/reviews"): Look(MEMBER, "/reviews"),
    ("GET", "/reviews/{digest}"): Look(MEMBER, "/reviews/{review}"),
    ("GET", "/reviews/{digest}/sign/{statement}"): Look(SIGNER, "/reviews/{review}", go_on_to_sign),
    ("POST", "/reviews/{digest}/standing"): Look(MEMBER, "/reviews/{approved}", suspend),
    ("GET", "/office"): Look(OFFICE, "/office"),
    ("GET", "/office/people/{subject}"): Look(OFFICE, "/office/people/rita"),
    ("POST", "/office/people/{subject}/invitation"): Look(
        OFFICE, "/office/people/rita", press("Make an invitation to sign in")
    ),
}
PARTS = {("GET", "/my/jobs/{digest}/state"): ("GET", "/my/jobs/{digest}")}
"""What is only ever shown within another page."""

FILES = {("GET", "/reviews/{digest}/sbom")}
"""What a browser keeps and does not show."""

ALSO = (
    Look(NOBODY, "/nowhere"),
    Look(NOBODY, "/enrol?code=stale"),
    Look(RESEARCHER, "/office"),
    Look(RESEARCHER, "/account/address?code=stale"),
    Look(RESEARCHER, "/my/jobs/{queued}"),
    Look(RESEARCHER, "/my/algorithms"),
    Look(RESEARCHER, "/my/jobs/new?of={approved} t2d"),
    Look(RESEARCHER, "/my/jobs/new?of={approved} t2d", filled_forms.check_answers),  # with nothing filled in
    Look(AUTHOR, "/my/algorithms/{approved}"),
    Look(AUTHOR, "/my/algorithms/{review}/ask", filled_forms.check_answers),
    Look(AUTHOR, "/reviews/{review}"),
    Look(MEMBER, "/reviews?tab=decided"),
    Look(MEMBER, f"/reviews/{'0' * 64}"),
    Look(MEMBER, "/reviews/{approved}"),
    Look(OFFICE, f"/office/people/{NODE}"),
    Look(OFFICE, "/reviews/{approved}"),
)
"""The same pages in another state or for others, and pages that refuse."""

EVERY = (*PAGES.values(), *ALSO)
LEVEL_ONE = "h1"


@dataclass(frozen=True)
class Town:
    """A registry in which something has happened, and what stands for the names in addresses."""

    registry: Registry
    names: Mapping[str, str]

    def address(self, look: Look) -> str:
        """The address, with an invitation of its own if it needs one."""
        invited = invitation(self.registry, RESEARCHER) if "{invitation}" in look.address else ""
        return look.address.format(invitation=invited, **self.names)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    settings = {
        "SAFECONDUCT_REGISTRY_SMTP_URL": "smtp://127.0.0.1:1",
        "SAFECONDUCT_REGISTRY_MAIL_FROM": "registry@registry.test",
    }
    for registry in signing_here(tmp_path_factory.mktemp("every"), PAGE.origin, **settings):
        yield Town(registry, happened(registry))


def happened(registry: Registry) -> dict[str, str]:
    """A version under review, an approved one, an order that waits and one that was refused."""
    world, versions = registry.world, {}
    roster = seat_signer(registry)
    filled_forms.offer(registry)
    for name in ("approved", "review"):
        versions[name] = registry.publish("algorithms", world.sign(world.algorithm(name=name), AUTHOR))
        asked = review_request(world)
        registry.request("POST", f"/reviews/{versions[name]}/requests", AUTHOR, json=asked).raise_for_status()
    for member in (MEMBER, "mikko"):
        approval = world.approval(member, versions["approved"], roster)
        registry.publish("approvals", world.sign(approval, member))
    orders = [world.sign(world.order(versions["approved"], nonce=secrets.token_hex(16)), RESEARCHER) for _ in range(2)]
    queued, refused = (registry.publish("orders", raw) for raw in orders)
    receipt = world.receipt(read_envelope(orders[1]).untrusted(JobOrder), digest_of(orders[1]))
    door = f"/nodes/{NODE}/receipts"
    registry.request("POST", door, NODE, content=world.sign(receipt, NODE)).raise_for_status()
    return {**versions, "queued": queued, "refused": refused}


def seat_signer(registry: Registry) -> str:
    """Let one member sign by a passkey, and the others as before; return the roster."""
    world, passkey = registry.world, Authenticator(SIGNER)
    challenge = vote_challenge(proof_bytes(passkey.public.keyid, SIGNER, OFFICE))
    proof = passkey.answer(challenge).to_entry().model_dump()
    seats = [*(world.member(who) for who in (MEMBER, "mikko")), world.member(SIGNER, key=passkey.entry, proof=proof)]
    registry.publish("accreditations", world.sign(world.accreditation(SIGNER, roles=["committee"]), OFFICE))
    return registry.publish("rosters", world.sign(world.roster(version=2, members=seats), OFFICE))


def test_the_table_names_every_page() -> None:
    app = FastAPI()
    problems.install(app)
    pages.install(app, Path(os.environ["SAFECONDUCT_WEB"]), problems.status_of)

    assert showing(app) == PAGES.keys() | PARTS.keys() | FILES
    assert set(PARTS.values()) <= PAGES.keys()


@pytest.mark.parametrize("who", [NOBODY, RESEARCHER, AUTHOR, MEMBER, SIGNER, OFFICE])
def test_every_page_keeps_what_it_must(
    town: Town,
    who: str,
    page_of: Callable[..., Page],
    authenticator: Callable[[Page], str],
    assert_keeps: Callable[[Page], None],
    screenshot: Callable[[Page, str], None],
) -> None:
    page = page_of(origin_of(town.registry))
    if who != NOBODY:
        sign_in(town.registry, who, page, authenticator)
    plain = without_script(page, page_of, town.registry)
    for look in (each for each in EVERY if each.who == who):
        address = town.address(look)
        for browser in (page, plain):
            browser.goto(address)
            if look.act is not None:
                look.act(browser)
        expect(plain.locator(LEVEL_ONE)).to_have_text(page.locator(LEVEL_ONE).inner_text())
        screenshot(page, named(look))
        assert_keeps(page)


def named(look: Look) -> str:
    """The name of a look's picture."""
    words = look.address.partition("?")[0].translate(str.maketrans("/", "-", "{}")).strip("-")
    return f"{words or 'what-ran'}{'-after' if look.act else ''}"
