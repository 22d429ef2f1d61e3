"""Signing on the registry's own page: what is shown, whose word counts, what is refused, and that it is labelled."""

import base64
import hashlib
import html
import json
import re
from typing import Any

import httpx
import pytest
from authenticator import PAGE, Authenticator, Spoken
from factory import AUTHOR, COMMITTEE, NODE, OFFICE
from review_visits import asked_review, decision_form, shown, visit

from protocol.documents.approval import Approval
from protocol.documents.envelope import read_claim
from protocol.documents.key_proof import proof_bytes
from protocol.documents.passkey import PasskeyOrigin, vote_challenge
from registry.main import make_desk
from registry.store import review, review_words
from registry.store.account import Passkey
from registry.store.tables import Approval as Vote

ORIGIN = "http://localhost:8400"
OWN = PasskeyOrigin(origin=ORIGIN, rp_id="localhost", registry_page=True)
LABEL = "signed on the registry's page"
MERI = Authenticator("meri", OWN)
LOGIN_ID = b"the login credential"


class Signing:
    """A version that asks a committee in which meri and maria have passkeys and mikko a key in a file."""

    def __init__(self, hub: Any) -> None:
        self.hub = hub
        object.__setattr__(hub.desk, "passkey_pages", (PAGE, OWN))
        keys = {"meri": MERI, "maria": Authenticator("maria", OWN)}
        members = [_seat(hub.world, who, key) for who, key in keys.items()] + [hub.world.member("mikko")]
        hub.roster = hub.publish("rosters", hub.world.sign(hub.world.roster(version=2, members=members), OFFICE))
        self.algorithm = asked_review(hub)
        self.here = f"/reviews/{self.algorithm}"

    def visit(self, who: str | None, path: str, **form: Any) -> httpx.Response:
        """One request of somebody's browser: a form if there are fields."""
        return visit(self.hub, who, path, form or None)

    def shown(self, who: str, path: str) -> str:
        return shown(self.hub, who, path)

    def prepare(self, who: str = "meri", **changes: str) -> str:
        """Declare and confirm; return the address at which the statement is signed."""
        self.visit(who, f"{self.here}/declare", committee=COMMITTEE, conflict="no")
        assert self.visit(who, f"{self.here}/decide", **decision_form(**changes)).status_code == 303
        with self.hub.desk.store.reading() as tx:
            (prepared,) = review_words.prepared_by(tx, self.algorithm, who)
        return f"{self.here}/sign/{prepared.digest}"

    def challenge(self, address: str, who: str = "meri") -> bytes:
        """What the page would have the browser ask the passkey."""
        options = re.search(r'data-options="([^"]*)"', self.visit(who, address).text)
        assert options is not None
        return _bytes(json.loads(html.unescape(options[1]))["challenge"])

    def votes(self) -> list[Vote]:
        with self.hub.desk.store.reading() as tx:
            return list(review.approvals(tx, [self.algorithm]).get(self.algorithm, ()))


def _seat(world: Any, who: str, passkey: Authenticator) -> dict[str, Any]:
    proof = passkey.answer(vote_challenge(proof_bytes(passkey.public.keyid, who, OFFICE))).to_entry().model_dump()
    return dict(world.member(who, key=passkey.entry, proof=proof))


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def answer(passkey: Authenticator, asked: bytes, credential: bytes = b"a signing credential", **spoken: Any) -> str:
    """What a browser hands the page, as JSON."""
    said = passkey.speak(asked, Spoken(**spoken))
    parts = {
        "clientDataJSON": said.client_data, "authenticatorData": said.authenticator_data, "signature": said.signature,
    }  # fmt: skip
    response = {name: _text(part) for name, part in parts.items()}
    named = {"id": _text(credential), "rawId": _text(credential), "type": "public-key"}
    return json.dumps({**named, "response": response, "clientExtensionResults": {}})


@pytest.fixture
def signing(settled: Any) -> Signing:
    return Signing(settled)


def test_page_shows_the_whole_statement_its_digest_and_why_elsewhere_is_safer(signing: Signing) -> None:
    address = signing.prepare()
    page = signing.shown("meri", address)
    statement = json.loads(re.search(r"<pre>(.*?)</pre>", page, re.DOTALL)[1])  # type: ignore[index]
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    digest = address.rpartition("/")[2]

    assert hashlib.sha256(payload).hexdigest() == digest
    assert page.count(digest) >= 2
    assert statement["predicate"]["rationale"] == "A median."
    assert "Your own machine is the safer place" in page
    assert f'href="{address}"' in signing.shown("meri", signing.here)


def test_signed_vote_is_believed_and_labelled_wherever_it_is_read(signing: Signing) -> None:
    address = signing.prepare()
    signed = signing.visit("meri", address, credential=answer(MERI, signing.challenge(address)))
    assert (signed.status_code, signed.headers["location"]) == (303, signing.here)

    (vote,) = signing.votes()
    raw = signing.hub.request("GET", f"/documents/{vote.digest}", AUTHOR).content
    claim = read_claim(raw, Approval)
    assert vote.digest == address.rpartition("/")[2]
    assert claim.checked_by(MERI.public, [OWN]) == OWN
    assert vote.on_registry_page is True
    assert f"approve, {LABEL}" in signing.shown("meri", signing.here)

    same = {"persons": claim.untrusted.persons, "conditions": claim.untrusted.conditions.model_dump()}
    assert signing.hub.vote(signing.algorithm, "mikko", **same).is_success
    order = signing.hub.order(signing.algorithm)
    signing.hub.publish("orders", order)
    assert signing.hub.post(f"/nodes/{NODE}/receipts", signing.hub.refusal(order), NODE).is_success
    for public in ("/", f"/algorithms/{signing.algorithm}"):
        assert f"{COMMITTEE} (1 {LABEL})" in html.unescape(signing.visit(None, public).text), public
    assert f"approve, {LABEL}" in signing.shown("mikko", signing.here)


def test_vote_signed_elsewhere_has_no_label(signing: Signing) -> None:
    address = signing.prepare()
    raw = answer(Authenticator("meri", PAGE), signing.challenge(address))

    assert signing.visit("meri", address, credential=raw).status_code == 303
    assert signing.votes()[0].on_registry_page is False
    assert LABEL not in signing.shown("meri", signing.here)


@pytest.mark.parametrize("pages", [(), (PAGE,), (OWN.model_copy(update={"registry_page": False}),)])
def test_where_no_holder_allows_the_page_there_is_no_way_to_it(signing: Signing, pages: Any) -> None:
    address = signing.prepare()
    raw = answer(MERI, signing.challenge(address))
    object.__setattr__(signing.hub.desk, "passkey_pages", pages)

    assert "Sign on this page" not in signing.shown("meri", signing.here)
    for refused in (signing.visit("meri", address), signing.visit("meri", address, credential=raw)):
        assert refused.status_code == 403
        assert "signing-not-here" in refused.text
    assert signing.votes() == []


def test_another_members_statement_is_not_there(signing: Signing) -> None:
    address = signing.prepare()
    raw = answer(MERI, signing.challenge(address))

    for who in ("maria", "mikko"):
        for refused in (signing.visit(who, address), signing.visit(who, address, credential=raw)):
            assert refused.status_code == 404
            assert "decision-unknown" in refused.text
    assert signing.votes() == []


def test_statement_is_not_there_under_another_version(signing: Signing) -> None:
    address = signing.prepare()
    other = address.replace(signing.algorithm, signing.hub.submit(version="2.0.0"))

    assert signing.visit("meri", other).status_code == 404


def test_undone_statement_is_not_there(signing: Signing) -> None:
    address = signing.prepare()
    raw = answer(MERI, signing.challenge(address))
    assert signing.visit("meri", f"{signing.here}/undo", statement=address.rpartition("/")[2]).status_code == 303

    for refused in (signing.visit("meri", address), signing.visit("meri", address, credential=raw)):
        assert refused.status_code == 404
        assert "decision-unknown" in refused.text
    assert signing.votes() == []


def test_replayed_signature_signs_nothing_more(signing: Signing) -> None:
    address = signing.prepare()
    raw = answer(MERI, signing.challenge(address))
    assert signing.visit("meri", address, credential=raw).status_code == 303

    again = signing.visit("meri", address, credential=raw)
    other = signing.visit("meri", signing.prepare(decision="reject"), credential=raw)

    assert (again.status_code, "decision-unknown" in again.text) == (404, True)
    assert (other.status_code, "passkey-challenge" in other.text) == (422, True)
    assert [vote.decision for vote in signing.votes()] == ["approve"]


def test_login_passkey_is_refused_even_if_the_roster_knew_its_key(signing: Signing) -> None:
    row = Passkey(
        id=hashlib.sha256(LOGIN_ID).hexdigest(), credential=LOGIN_ID, public_key=b"", subject="meri", count=0,
        made=signing.hub.now, used=signing.hub.now,
    )  # fmt: skip
    with signing.hub.desk.store.transaction() as tx:
        tx.add(row)
    address = signing.prepare()

    refused = signing.visit("meri", address, credential=answer(MERI, signing.challenge(address), LOGIN_ID))

    assert (refused.status_code, "passkey-for-login" in refused.text) == (422, True)
    assert signing.votes() == []


@pytest.mark.parametrize(
    ("passkey", "spoken", "code"),
    [
        (Authenticator("meri's login", OWN), {}, "signature-invalid"),
        (Authenticator("maria", OWN), {}, "signature-invalid"),
        (MERI, {"challenge": b"log me in, please".ljust(32)}, "passkey-challenge"),
        (MERI, {"origin": "https://evil.example"}, "passkey-origin"),
        (MERI, {"user_verified": False}, "passkey-verification"),
        (MERI, {"type": "webauthn.create"}, "passkey-type"),
        (MERI, {"behind": b"x" * 2000}, "document-malformed"),
        (MERI, {"more": (("padding", "x" * 7000),)}, "document-malformed"),
    ],
)
def test_what_is_no_vote_elsewhere_is_none_here(
    signing: Signing, passkey: Authenticator, spoken: dict[str, Any], code: str
) -> None:
    address = signing.prepare()

    refused = signing.visit("meri", address, credential=answer(passkey, signing.challenge(address), **spoken))

    assert refused.status_code == 422, refused.text
    assert code in refused.text
    assert signing.votes() == []


@pytest.mark.parametrize("raw", ["{}", "[]", "null", "x", json.dumps({"id": "eHg", "rawId": "eHg", "response": {}})])
def test_answer_that_is_no_passkeys_is_refused(signing: Signing, raw: str) -> None:
    refused = signing.visit("meri", signing.prepare(), credential=raw)

    assert "passkey-refused" in refused.text
    assert signing.votes() == []


def test_member_with_a_key_in_a_file_is_sent_to_the_own_machine(signing: Signing) -> None:
    address = signing.prepare("mikko")

    assert "Sign on this page" not in signing.shown("mikko", signing.here)
    refused = signing.visit("mikko", address)
    assert (refused.status_code, "signing-key-in-file" in refused.text) == (422, True)


def test_page_at_an_address_of_the_registry_is_labelled_whatever_was_configured(settled: Any) -> None:
    named = (PasskeyOrigin(origin=ORIGIN, rp_id="localhost"), PAGE, PasskeyOrigin(origin="https://r.eu", rp_id="r.eu"))
    of = settled.desk
    made = make_desk(
        directory=settled.directory, database=settled.database, offices=of.offices, audiences=("https://r.eu",),
        image_bytes=of.image_bytes, log_key=of.log_key, passkey_pages=named,
    )  # fmt: skip
    made.store.close()

    assert [page.registry_page for page in made.passkey_pages] == [True, False, True]
    assert made.signing_page == OWN
