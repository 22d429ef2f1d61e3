"""A key stands for whoever proved to hold it, for one name and one office."""

import json
from typing import Any

import pytest
from authenticator import PAGE, Authenticator
from factory import private_key

from protocol.documents.key import Key
from protocol.documents.key_proof import KeyRequest, check_proved, make_request, proof_bytes, prove, read_request
from protocol.documents.passkey import vote_challenge
from protocol.documents.signature import Signature, SignatureEntry
from protocol.errors import Refused

RITA = Key.of(private_key("rita").public)
PROOF = prove(private_key("rita"), "rita", "office-eu")
MALLORYS = prove(private_key("mallory"), "rita", "office-eu")


def test_key_that_its_holder_proved_is_taken() -> None:
    check_proved([RITA], [PROOF], "rita", "office-eu")


@pytest.mark.parametrize(
    ("proofs", "subject", "office"),
    [
        ([], "rita", "office-eu"),
        ([PROOF], "mallory", "office-eu"),
        ([PROOF], "rita", "office-es"),
        ([MALLORYS], "rita", "office-eu"),
        (
            [PROOF.model_copy(update={"sig": prove(private_key("mallory"), "rita", "office-eu").sig})],
            "rita",
            "office-eu",
        ),
    ],
    ids=["no proof", "another's name", "another office", "another key", "another key's signature"],
)
def test_key_that_nobody_proved_is_refused(proofs: list[SignatureEntry], subject: str, office: str) -> None:
    with pytest.raises(Refused) as refusal:
        check_proved([RITA], proofs, subject, office)
    assert refusal.value.code == "key-unproved"


def test_every_key_of_several_is_to_be_proved() -> None:
    second = Key.of(private_key("rita-2").public)
    with pytest.raises(Refused) as refusal:
        check_proved([RITA, second], [PROOF], "rita", "office-eu")
    assert refusal.value.code == "key-unproved"
    check_proved([RITA, second], [prove(private_key("rita-2"), "rita", "office-eu"), PROOF], "rita", "office-eu")


def passkey_proof(passkey: Authenticator) -> SignatureEntry:
    challenge = vote_challenge(proof_bytes(passkey.public.keyid, "meri", "office-eu"))
    return passkey.answer(challenge).to_entry()


def test_passkey_proves_itself_on_an_allowed_page() -> None:
    passkey = Authenticator("meri")
    check_proved([Key.of(passkey.public)], [passkey_proof(passkey)], "meri", "office-eu", [PAGE])


def test_passkey_proves_nothing_on_another_page() -> None:
    passkey = Authenticator("meri")
    with pytest.raises(Refused) as refusal:
        check_proved([Key.of(passkey.public)], [passkey_proof(passkey)], "meri", "office-eu")
    assert refusal.value.code == "key-unproved"


def test_signature_of_a_document_is_no_proof() -> None:
    from factory import World

    from protocol.documents.envelope import read_envelope

    envelope = read_envelope(World().sign(World().accreditation(), "rita"))
    borrowed = Signature(keyid=RITA.keyid, sig=envelope.signatures[0].sig).to_entry()
    with pytest.raises(Refused):
        check_proved([RITA], [borrowed], "rita", "office-eu")


def test_request_is_read_as_it_was_made() -> None:
    request = make_request([private_key("rita"), private_key("rita-2")], "rita", "office-eu")
    assert read_request(json.dumps(request.model_dump(mode="json")).encode()) == request


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda found: found.update(subject="mallory"), "key-unproved"),
        (lambda found: found.update(keys=found["keys"] * 2), "key-duplicate"),
        (lambda found: found.update(more=1), "document-malformed"),
        (lambda found: found["keys"][0].update(scheme="webauthn"), "key-unproved"),
    ],
    ids=["another subject", "key twice", "unknown field", "another scheme"],
)
def test_altered_request_is_refused(change: Any, code: str) -> None:
    found = make_request([private_key("rita")], "rita", "office-eu").model_dump(mode="json")
    change(found)
    with pytest.raises(Refused) as refusal:
        read_request(json.dumps(found).encode())
    assert refusal.value.code == code


def test_request_holds_at_least_one_key() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        KeyRequest(subject="rita", office="office-eu", keys=(), proofs=())
