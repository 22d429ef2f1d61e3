"""A member signs on the registry's own page, in a real browser: never with the login passkey, and the vote says where.

The signing passkey is made beforehand on a page of this machine, for the same RP id, by a device of its own.
"""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from factory import AUTHOR, COMMITTEE, OFFICE
from playwright.sync_api import CDPSession, Page
from registry_process import Registry
from review_requests import review_request
from signed_in import origin_of, sign_in

from protocol.documents.approval import Approval
from protocol.documents.envelope import read_claim
from protocol.documents.key_proof import KeyRequest, read_request
from protocol.documents.passkey import PasskeyOrigin

SIGNER = PasskeyOrigin(origin="http://localhost:8768", rp_id="localhost")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    pages = f"{SIGNER.origin} http://localhost:{port}"
    made = Registry(tmp_path, SAFECONDUCT_REGISTRY_PASSKEY_ORIGINS=pages)
    made.port = port
    made.start()
    try:
        made.settle_in()
        yield made
    finally:
        made.stop()


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


def make_signing_passkey(page: Page, home: Path) -> KeyRequest:
    """`safeconduct key passkey` on this machine; the page's own authenticator keeps the passkey."""
    words = ["key", "passkey", "--subject", "meri", "--office", OFFICE, "--page", SIGNER.origin, "--home", str(home)]
    line = [sys.executable, "-m", "client.cli", *words, "--no-browser", "--seconds", "60", "--json"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            page.goto(process.stderr.readline().rpartition(" ")[2].strip())
            page.click("#go")
            page.wait_for_selector("#said[data-done=yes]", timeout=20_000)
            out, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0, said
    return read_request(Path(json.loads(out)["request"]).read_bytes(), [SIGNER])


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
    request = make_signing_passkey(signer.page, tmp_path / "home")
    seat = world.member("meri", key=request.keys[0].model_dump()) | {"proof": request.proofs[0].model_dump()}
    roster = world.roster(version=2, members=[seat, world.member("mikko")])
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
