"""Passkeys sign approvals and nothing else, and say where. (What makes an approval of theirs false: the vectors.)"""

import pytest
from authenticator import PAGE, REGISTRY_PAGE, Authenticator
from factory import NOW, OFFICE, World, digest_of, private_key
from vectors.passkey_cases import ROOT, passkey_bundle

from protocol.chain import explain, verify_order
from protocol.crypto.assertion import check_assertion, make_assertion
from protocol.crypto.keys import PublicKey
from protocol.documents.envelope import read_envelope
from protocol.errors import Refused
from protocol.trust.root import open_trust_root

WORLD = World()


def test_approval_on_the_registry_s_page_is_labelled() -> None:
    raw = WORLD.sign(WORLD.trust_root(**ROOT), "holder-fi")
    root = open_trust_root(raw, digest_of(raw))
    bundle = passkey_bundle(page=REGISTRY_PAGE)
    steps = {step.name: step for step in explain({"bundle": bundle.to_json()}, root, NOW)}
    where = {"trust_root": root, "node": WORLD.node, "datasets": frozenset({WORLD.dataset}), "now": NOW}

    assert steps["approvals"].sentence.endswith("Signed on the registry's page: meri.")
    assert verify_order(bundle, **where).registry_page_members == ("meri",)
    assert verify_order(passkey_bundle(), **where).registry_page_members == ()


@pytest.mark.parametrize(
    ("page", "label"),
    [
        (PAGE, "with a passkey on http://localhost:8765."),
        (REGISTRY_PAGE, "decided: approve, signed on the registry's page https://registry.example."),
    ],
)
def test_lone_approval_says_where_a_passkey_signed_it(page: object, label: str) -> None:
    raw = WORLD.sign(WORLD.trust_root(**ROOT), "holder-fi")
    passkey = Authenticator("meri", page)  # type: ignore[arg-type]
    roster = WORLD.sign(WORLD.roster(members=[WORLD.member("meri", key=passkey.entry)]), OFFICE)
    approval = passkey.sign(WORLD.approval("meri", "0" * 64, digest_of(roster)))

    steps = explain({"roster": roster, "approval": approval}, open_trust_root(raw, digest_of(raw)), NOW)

    assert next(step.sentence for step in steps if step.name == "approval").endswith(label)


def test_passkey_is_no_login() -> None:
    key = private_key("meri")
    token = make_assertion(key, "meri", "https://registry.example", NOW)

    with pytest.raises(Refused) as refusal:
        check_assertion(token, [PublicKey("webauthn", key.public.spki)], "https://registry.example", NOW)

    assert refusal.value.code == "key-scheme"


@pytest.mark.parametrize("algorithm", ["es256", "eddsa"])
def test_passkey_signs_nothing_as_it_stands(algorithm: str) -> None:
    passkey = Authenticator("meri", algorithm=algorithm)
    envelope = read_envelope(passkey.sign(WORLD.algorithm()))

    with pytest.raises(Refused) as refusal:
        envelope.check_signed([passkey.public])

    assert refusal.value.code == "key-scheme"


def test_key_in_a_file_is_no_passkey() -> None:
    with pytest.raises(Refused) as refusal:
        private_key("meri").public.verify_passkey(b"", b"")

    assert refusal.value.code == "key-scheme"


def test_signer_who_did_not_sign_is_missed() -> None:
    envelope = read_envelope(WORLD.sign(WORLD.status(), "mallory"))

    with pytest.raises(Refused) as refusal:
        envelope.check_signed_by(private_key("meri").public, ())

    assert refusal.value.code == "key-unknown"
