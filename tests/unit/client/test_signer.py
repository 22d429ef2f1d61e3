"""The local signer: what it refuses to show, what it refuses to take, and that it ends by itself."""

import json
import socket
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from authenticator import Authenticator
from factory import AUTHOR, OFFICE, World, digest_of

from client.commands.review import vote_line
from client.errors import ClientError, UsageProblem
from client.proposal import Proposal, check_proposal
from client.signer import SignerPage, own_page
from client.signer_pages import signing_page
from protocol.crypto.encoding import encode_base64
from protocol.documents.approval import Approval
from protocol.documents.envelope import read_envelope, statement_bytes
from protocol.documents.passkey import PasskeyOrigin
from protocol.errors import Refused

WORLD = World()


def free_page() -> PasskeyOrigin:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return PasskeyOrigin(origin=f"http://localhost:{probe.getsockname()[1]}", rp_id="localhost")


PAGE = free_page()
MERI = Authenticator("meri", PAGE)
ROOT = WORLD.open_root(passkey_origins=[PAGE.model_dump()])


def answer(
    *,
    member: str = "meri",
    signer: str = AUTHOR,
    algorithm: dict[str, Any] | None = None,
    approval: dict[str, Any] | None = None,
    roster: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    offices: str = OFFICE,
) -> dict[str, Any]:
    """What an honest registry hands over, with the changes of a dishonest one."""
    algorithm_raw = WORLD.sign(WORLD.algorithm(**(algorithm or {})), signer)
    seated = {"members": [WORLD.member("meri", key=MERI.entry), WORLD.member("mikko")], **(roster or {})}
    roster_raw = WORLD.sign(WORLD.roster(**seated), offices)
    named = {"algorithm": digest_of(algorithm_raw), "roster": digest_of(roster_raw)} | (approval or {})
    made = WORLD.approval(member, **named)
    return {
        "statement": encode_base64(statement_bytes(made)),
        "algorithm": algorithm_raw.decode(),
        "roster": roster_raw.decode(),
        "accreditations": [WORLD.sign(WORLD.accreditation(AUTHOR), OFFICE).decode()],
        "statuses": [WORLD.sign(WORLD.status(**(status or {})), OFFICE).decode()],
    }


def check(**changes: Any) -> Proposal:
    return check_proposal(answer(**changes), ROOT, "meri", WORLD.now)


def test_an_honest_registrys_proposal_holds() -> None:
    found = check()

    assert found.key.keyid == MERI.public.keyid
    assert found.approval.member == "meri"
    assert len(found.checks) == 5
    assert any("accredited as a researcher" in each for each in found.checks)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signer": "mallory"}, "key-unknown"),
        ({"offices": "mallory"}, "key-unknown"),
        ({"approval": {"algorithm": "0" * 64}}, "document-other"),
        ({"approval": {"roster": "0" * 64}}, "document-other"),
        ({"approval": {"committee": "law-fi"}}, "document-other"),
        ({"member": "mikko"}, "approval-not-member"),
        ({"roster": {"expires": WORLD.now}}, "roster-expired"),
        ({"status": {"expires": WORLD.now}}, "status-stale"),
        ({"status": {"revoked": {"persons": ["meri"]}}}, "person-revoked"),
        ({"status": {"revoked": {"persons": [AUTHOR]}}}, "person-revoked"),
        ({"status": {"revoked": {"keys": [MERI.public.keyid]}}}, "key-revoked"),
    ],
)
def test_a_dishonest_registrys_proposal_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        check(**changes)
    assert refusal.value.code == code


@pytest.mark.parametrize("missing", ["statement", "algorithm", "roster", "accreditations", "statuses"])
def test_what_is_missing_is_refused(missing: str) -> None:
    with pytest.raises(Refused):
        check_proposal(answer() | {missing: None}, ROOT, "meri", WORLD.now)
    with pytest.raises(Refused):
        check_proposal(answer() | {missing: [] if missing.endswith("s") else ""}, ROOT, "meri", WORLD.now)


def test_an_expired_trust_root_signs_nothing() -> None:
    with pytest.raises(Refused) as refusal:
        check_proposal(answer(), ROOT, "meri", WORLD.now + timedelta(days=4000))
    assert refusal.value.code == "trust-root-expired"


def test_only_the_rosters_passkey_signs_and_only_here() -> None:
    found = check()
    signed = found.signed(MERI.answer(found.challenge), (PAGE,))
    assert read_envelope(signed).untrusted(Approval) == found.approval

    elsewhere = Authenticator("meri", PasskeyOrigin(origin="http://localhost:1", rp_id="localhost"))
    for wrong in (Authenticator("mikko", PAGE).answer(found.challenge), elsewhere.answer(found.challenge)):
        with pytest.raises(Refused):
            found.signed(replace(wrong, keyid=found.key.keyid), (PAGE,))
    with pytest.raises(Refused):
        found.signed(MERI.answer(b"another challenge"), (PAGE,))


def test_text_from_outside_is_never_markup() -> None:
    hostile = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>"

    html = signing_page(check(algorithm={"summary": hostile}, approval={"rationale": hostile}))

    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_a_trust_root_without_a_page_here_is_told_so() -> None:
    elsewhere = PasskeyOrigin(origin="https://registry.example", rp_id="registry.example", registry_page=True)
    with pytest.raises(UsageProblem) as refusal:
        own_page((elsewhere,))
    assert refusal.value.code == "signer-origin"
    assert own_page((elsewhere, PAGE)) == PAGE
    with pytest.raises(UsageProblem):
        SignerPage(elsewhere, "", {})


@pytest.fixture
def served() -> Any:
    took: list[Any] = []

    def take(untrusted: Any) -> dict[str, str]:
        took.append(untrusted)
        return {"done": "signed", "words": "Signed."}

    page = SignerPage(PAGE, "<p>the page</p>", {"signature": take})
    page.start()
    yield page, took
    page.close()


def ask(page: SignerPage, method: str, name: str = "", **more: Any) -> httpx.Response:
    headers = {"Host": PAGE.origin.partition("://")[2], "Origin": PAGE.origin} | more.pop("headers", {})
    address = f"http://127.0.0.1:{PAGE.origin.rpartition(':')[2]}"
    path = more.pop("path", f"/{page.secret}/{name}")
    return httpx.request(method, address + path, headers=headers, trust_env=False, timeout=10, **more)


def test_the_page_is_shown_under_its_own_address_only(served: Any) -> None:
    page, _ = served

    right = ask(page, "GET")
    assert (right.status_code, right.text) == (200, "<p>the page</p>")
    assert "default-src 'none'" in right.headers["content-security-policy"]
    assert ask(page, "GET", "signer.js").status_code == ask(page, "GET", "signer.css").status_code == 200
    for wrong in (
        ask(page, "GET", path="/"),
        ask(page, "GET", path=f"/{page.secret}"),
        ask(page, "GET", path="/wrong/"),
        ask(page, "GET", "../signer.py"),
        ask(page, "GET", headers={"Host": "evil.example"}),
    ):
        assert wrong.status_code == 404


def test_another_site_cannot_hand_a_signature_in(served: Any) -> None:
    page, took = served
    for wrong in (
        ask(page, "POST", "signature", headers={"Origin": "https://evil.example"}, content="{}"),
        ask(page, "POST", "signature", headers={"Host": "evil.example"}, content="{}"),
        ask(page, "POST", "other", content="{}"),
        ask(page, "POST", path="/wrong/signature", content="{}"),
    ):
        assert wrong.status_code == 404
    assert ask(page, "POST", "signature", content=b"x" * 20_000).status_code == 413
    assert ask(page, "POST", "signature", content="[]").status_code == 422
    assert took == []


def test_the_page_takes_one_signature_and_ends(served: Any) -> None:
    page, took = served

    assert ask(page, "POST", "signature", content=json.dumps({"a": 1})).json()["words"] == "Signed."
    assert ask(page, "POST", "signature", content="{}").json()["code"] == "signer-used"

    assert page.wait(5) == {"done": "signed", "words": "Signed."}
    assert took == [{"a": 1}]
    with pytest.raises(httpx.ConnectError):
        ask(page, "GET")


def test_nobody_signing_ends_the_page_too() -> None:
    page = SignerPage(free_page(), "", {})
    page.start()
    with pytest.raises(ClientError) as refusal:
        page.wait(0.1)
    assert refusal.value.code == "signer-timeout"


def test_a_taken_port_is_told_so(served: Any) -> None:
    with pytest.raises(UsageProblem) as refusal:
        SignerPage(PAGE, "", {})
    assert refusal.value.code == "signer-port"


def test_vote_that_was_signed_on_the_registrys_page_is_listed_as_such() -> None:
    vote = {"decision": "approve", "member": "meri", "project": "t2d", "digest": "0" * 64, "on_registry_page": True}

    assert vote_line(vote) == f"approve by meri for t2d, signed on the registry's page  {'0' * 64}"
    assert vote_line(vote | {"on_registry_page": False}) == f"approve by meri for t2d  {'0' * 64}"
