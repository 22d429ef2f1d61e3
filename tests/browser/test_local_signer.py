"""The local signer in a real browser: make a signing passkey, prove it, sign a decision that a registry prepared."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from factory import AUTHOR, COMMITTEE, HOLDER, OFFICE, PROJECT, RESEARCHER, digest_of
from playwright.sync_api import Browser, Page
from registry_process import Registry
from review_requests import review_request

from protocol.documents.approval import Approval
from protocol.documents.envelope import read_claim
from protocol.documents.key_proof import read_request
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


@contextmanager
def command(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command that serves a page, and the page's address; killed at the end if it has not ended by itself."""
    line = [sys.executable, "-m", "client.cli", *words, "--no-browser", "--seconds", "60", "--json"]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()
    try:
        assert "Open this page" in first, first + process.stderr.read()
        yield process, first.rpartition(" ")[2].strip()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, narrated = process.communicate(timeout=30)
    assert process.returncode == 0, narrated
    return dict(json.loads(out))


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


def press(page: Page, address: str) -> str:
    page.goto(address)
    page.click("#go")
    page.wait_for_selector("#said[data-done=yes]", timeout=20_000)
    return page.inner_text("#said")


def test_a_member_makes_a_passkey_and_signs_what_the_registry_prepared(
    browser: Browser, registry: Registry, tmp_path: Path
) -> None:
    page = browser.new_page()
    said = with_passkeys(page)
    home = tmp_path / "home"
    words = ["key", "passkey", "--subject", "meri", "--office", OFFICE, "--page", PAGE.origin, "--home", str(home)]
    with command(*words) as (process, address):
        assert "Made and proved" in press(page, address)
        made = ended(process)
    request = read_request(Path(made["request"]).read_bytes(), [PAGE])

    world = registry.world
    seat = world.member("meri", key=request.keys[0].model_dump()) | {"proof": request.proofs[0].model_dump()}
    roster = world.roster(version=2, members=[seat, world.member("mikko")])
    roster_digest = registry.publish("rosters", world.sign(roster, OFFICE))
    algorithm = registry.publish("algorithms", world.sign(world.algorithm(), AUTHOR))
    code = _prepare(registry, algorithm)

    root = world.sign(world.trust_root(passkey_origins=[PAGE.model_dump()]), HOLDER)
    (home / "root.json").write_bytes(root)
    profile = {
        "registry": registry.url,
        "person": "meri",
        "trust_root": str(home / "root.json"),
        "fingerprint": digest_of(root),
    }
    (home / "config.toml").write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in profile.items()))
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
