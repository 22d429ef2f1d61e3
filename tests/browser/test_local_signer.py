"""The local signer in a real browser: make a signing passkey, prove it, sign a decision that a registry prepared."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from client_home import pin
from factory import AUTHOR, COMMITTEE, OFFICE, PROJECT, RESEARCHER
from local_signing import command, ended, make_passkey, press, seat
from playwright.sync_api import Browser, Page
from registry_process import Registry
from review_requests import review_request

from protocol.documents.approval import Approval
from protocol.documents.envelope import read_claim
from protocol.documents.passkey import PasskeyOrigin

PORT = 8767
PAGE = PasskeyOrigin(origin=f"http://localhost:{PORT}", rp_id="localhost")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path, SAFECONDUCT_REGISTRY_PASSKEY_ORIGINS=PAGE.origin)
    made.start()
    try:
        made.settle_in()
        yield made
    finally:
        made.stop()


def with_passkeys(page: Page) -> list[str]:
    """Give the page's browser an authenticator; return the list in which violations of the policy are gathered."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def test_a_member_makes_a_passkey_and_signs_what_the_registry_prepared(
    browser: Browser, registry: Registry, tmp_path: Path
) -> None:
    page = browser.new_page()
    said = with_passkeys(page)
    home = tmp_path / "home"
    world = registry.world
    sits = seat(world, "meri", make_passkey(page, "meri", home, PAGE))
    roster = world.roster(version=2, members=[sits, world.member("mikko")])
    roster_digest = registry.publish("rosters", world.sign(roster, OFFICE))
    algorithm = registry.publish("algorithms", world.sign(world.algorithm(), AUTHOR))
    code = _prepare(registry, algorithm)

    pin(registry, home, "meri", passkey_origins=[PAGE.model_dump()])
    with command("review", "sign", code, "--home", str(home)) as (process, address):
        page.goto(address)
        shown = page.inner_text("main")
        assert "log_odds_ratio" in shown
        assert "accredited as a researcher by" in shown
        assert page.inner_text("#digest") in shown
        page.screenshot(path=tmp_path / "signer.png", full_page=True)
        assert "Signed." in press(page, address)
        signed = ended(process)

    found = read_claim(registry.request("GET", f"/documents/{signed['approval']}", RESEARCHER).content, Approval)
    assert found.checked_by(roster.members[0].key.to_public(), [PAGE]) == PAGE
    assert (found.untrusted.member, found.untrusted.roster, found.untrusted.decision) == (
        "meri", roster_digest, "approve",
    )  # fmt: skip
    assert said == []
    page.close()


def _prepare(registry: Registry, algorithm: str) -> str:
    """What the author and the member do on the registry's pages: ask, declare, confirm once."""
    asked = review_request(registry.world)
    registry.request("POST", f"/reviews/{algorithm}/requests", AUTHOR, json=asked).raise_for_status()
    place = {"committee": COMMITTEE, "project": PROJECT}
    accredited = registry.world.accreditation("meri", roles=[])  # at the API she is known by a key in a file
    registry.publish("accreditations", registry.world.sign(accredited, OFFICE))
    declared = {"committee": COMMITTEE, "conflict": False}
    registry.request("POST", f"/reviews/{algorithm}/declarations", "meri", json=declared).raise_for_status()
    chosen = {**place, "decision": "approve", "rationale": "A median."}
    answer = registry.request("POST", f"/reviews/{algorithm}/decisions", "meri", json=chosen)
    answer.raise_for_status()
    return str(answer.json()["handover"])
