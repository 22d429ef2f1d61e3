"""A member signs on the registry's own page, in a real browser: never with the login passkey, and the vote says where.

The signing passkey is made beforehand on a page of this machine, for the same RP id, by a device of its own.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from factory import AUTHOR, COMMITTEE, OFFICE
from local_signing import make_passkey, seat
from playwright.sync_api import CDPSession, Page
from registry_process import Registry, signing_here
from review_requests import review_request
from signed_in import origin_of, sign_in

from protocol.documents.approval import Approval
from protocol.documents.envelope import read_claim
from protocol.documents.passkey import PasskeyOrigin

SIGNER = PasskeyOrigin(origin="http://localhost:8768", rp_id="localhost")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    yield from signing_here(tmp_path, SIGNER.origin)


class Device:
    """A page's own authenticator, whose passkeys may be exchanged for those of another."""

    def __init__(self, page: Page, authenticator: Callable[[CDPSession], str]) -> None:
        self.page, self.tools = page, page.context.new_cdp_session(page)
        self.id = authenticator(self.tools)

    def take(self, other: "Device") -> None:
        """Forget all passkeys, and hold the other's instead."""
        self.tools.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})
        for each in other.tools.send("WebAuthn.getCredentials", {"authenticatorId": other.id})["credentials"]:
            self.tools.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": each})


def test_a_member_signs_on_the_registrys_page_and_the_vote_says_so(
    registry: Registry,
    tmp_path: Path,
    page_of: Callable[..., Page],
    authenticator_of: Callable[[CDPSession], str],
    assert_accessible: Callable[[Page], None],
    assert_no_csp_violation: Callable[[Page], None],
    screenshot: Callable[[Page, str], None],
) -> None:
    world, origin = registry.world, origin_of(registry)
    device = Device(page_of(origin), authenticator_of)
    page = sign_in(registry, "meri", device.page, lambda _: device.id)
    signer = Device(page_of(SIGNER.origin), authenticator_of)
    sits = seat(world, "meri", make_passkey(signer.page, "meri", tmp_path / "home", SIGNER))
    roster = world.roster(version=2, members=[sits, world.member("mikko")])
    registry.publish("rosters", world.sign(roster, OFFICE))
    algorithm = registry.publish("algorithms", world.sign(world.algorithm(), AUTHOR))
    asked = review_request(world)
    registry.request("POST", f"/reviews/{algorithm}/requests", AUTHOR, json=asked).raise_for_status()

    page.goto(f"{origin}/reviews/{algorithm}")
    page.get_by_label("No: I work with none").check()
    page.get_by_role("button", name="Declare").click()
    page.get_by_label("Approve, as it was asked").check()
    page.get_by_label("Your reasons").fill("A median.")
    page.get_by_role("button", name="Confirm, then sign").click()
    page.get_by_role("link", name="Sign on this page").click()

    statement = page.url.rpartition("/")[2]
    assert statement in page.inner_text("main")
    assert '"rationale": "A median."' in page.inner_text("pre")
    assert_accessible(page)
    assert_no_csp_violation(page)
    screenshot(page, "sign")
    page.get_by_role("button", name="Sign with your signing passkey").click()
    page.get_by_text("passkey-for-login").wait_for()
    page.go_back()
    device.take(signer)
    page.get_by_role("button", name="Sign with your signing passkey").click()
    page.wait_for_url(f"{origin}/reviews/{algorithm}")

    assert page.get_by_text("approve, signed on the registry's page").count() == 1
    assert_accessible(page)
    raw = registry.request("GET", f"/documents/{statement}", AUTHOR).content
    own = PasskeyOrigin(origin=origin, rp_id="localhost", registry_page=True)
    claim = read_claim(raw, Approval)
    assert claim.checked_by(roster.members[0].key.to_public(), [own]) == own
    assert (claim.untrusted.member, claim.untrusted.committee) == ("meri", COMMITTEE)
    assert re.fullmatch("[0-9a-f]{64}", statement)
