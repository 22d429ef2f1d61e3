"""Checkpoints, leaves and proofs: who signed, what the public sees, and when a log is not to be believed."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from factory import AUTHOR, OFFICE, RESEARCHER, World, digest_of, private_key
from small_log import LOG, SALT, Log
from vectors.rehearsal_cases import rehearsal

from protocol.crypto import merkle
from protocol.crypto.encoding import decode_base64, encode_base64
from protocol.crypto.keys import PrivateKey, PublicKey
from protocol.documents import checkpoint as notes
from protocol.documents.checkpoint import open_checkpoint, origin_of, read_checkpoint, sign_checkpoint
from protocol.documents.envelope import read_envelope
from protocol.documents.leaf import PUBLIC, check_opens, make_leaf, read_leaf
from protocol.documents.log_proof import read_log_proof
from protocol.documents.strict import canonical
from protocol.errors import Refused
from protocol.trust.log import check_continues, check_logged, check_one_history, open_proof

ROOT = merkle.leaf_hash(b"root")
GOOD = sign_checkpoint(LOG, 7, ROOT)


def refusal(question: Callable[..., object], *about: object) -> str:
    with pytest.raises(Refused) as refused:
        question(*about)
    return refused.value.code


# Checkpoints


def test_a_checkpoint_says_origin_size_and_root() -> None:
    found = open_checkpoint(GOOD, LOG.public)

    assert (found.origin, found.size, found.root) == (origin_of(LOG.public), 7, ROOT)
    assert found.raw == GOOD
    assert GOOD.split("\n")[:4] == [origin_of(LOG.public), "7", encode_base64(ROOT), ""]


def test_the_same_tree_gives_the_same_checkpoint() -> None:
    assert sign_checkpoint(LOG, 7, ROOT) == GOOD


def test_key_ids_are_those_of_other_tools() -> None:
    """The key and id with which Go's documentation of signed notes begins."""
    raw = decode_base64("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
    key = PublicKey("ed25519", bytes.fromhex("302a300506032b6570032100") + raw)

    assert notes._key_id("PeterNeumann", key).hex() == "c74f20a3"


def test_the_verifier_key_holds_the_name_id_and_key() -> None:
    name, keyid, key = notes.verifier_key(LOG.public).split("+", 2)

    assert name == origin_of(LOG.public)
    assert decode_base64(GOOD.splitlines()[4].split(" ")[2])[:4].hex() == keyid
    assert decode_base64(key) == b"\x01" + LOG.public.raw


def test_witnesses_may_sign_beside_the_log() -> None:
    witnessed = GOOD + f"— witness.example {encode_base64(b'1234' + bytes(72))}\n"

    assert open_checkpoint(witnessed, LOG.public).size == 7


SIGNATURE = GOOD.split("\n")[4]
OTHER = sign_checkpoint(private_key("another log"), 7, ROOT)
FLIPPED = encode_base64(decode_base64(SIGNATURE.split(" ")[2])[:-1] + b"\x00")
NOT_SIGNED = {
    "another-size": GOOD.replace("\n7\n", "\n8\n"),
    "another-root": GOOD.replace(encode_base64(ROOT), encode_base64(merkle.EMPTY_ROOT)),
    "another-log": OTHER,
    "signature-broken": GOOD.replace(SIGNATURE.split(" ")[2], FLIPPED),
    "signature-of-a-witness-only": GOOD.replace("— safeconduct", "— witness"),
    "one-of-two-signatures-broken": GOOD + SIGNATURE.replace(SIGNATURE.split(" ")[2], FLIPPED) + "\n",
}
MALFORMED = {
    "empty": "",
    "no-signature": GOOD.split("\n\n")[0] + "\n",
    "extension-line": GOOD.replace("\n\n", "\nmore\n\n"),
    "size-with-zeroes": GOOD.replace("\n7\n", "\n07\n"),
    "size-negative": GOOD.replace("\n7\n", "\n-7\n"),
    "size-beyond": GOOD.replace("\n7\n", f"\n{2**53}\n"),
    "size-in-other-digits": GOOD.replace("\n7\n", "\n\u0667\n"),
    "root-short": GOOD.replace(encode_base64(ROOT), encode_base64(ROOT[:-1])),
    "root-url-alphabet": GOOD.replace(encode_base64(ROOT), encode_base64(b"\xff" * 32).replace("/", "_")),
    "carriage-returns": GOOD.replace("\n", "\r\n"),
    "control-character": GOOD.replace("\n7\n", "\n7\x00\n"),
    "signature-line-of-something-else": GOOD + "- dash x\n",
    "end-missing": GOOD.removesuffix("\n"),
    "too-long": GOOD + SIGNATURE * 200,
    "seventeen-signatures": GOOD + f"— w {encode_base64(b'12345')}\n" * 16,
    "origin-with-plus": GOOD.replace("safeconduct-log", "safeconduct+log"),
}


@pytest.mark.parametrize("raw", NOT_SIGNED.values(), ids=NOT_SIGNED)
def test_checkpoint_that_the_log_did_not_sign_is_refused(raw: str) -> None:
    assert refusal(open_checkpoint, raw, LOG.public) == "log-checkpoint-signature"


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_checkpoint_in_another_form_is_refused(raw: str) -> None:
    assert refusal(open_checkpoint, raw, LOG.public) == "log-checkpoint-malformed"


def test_a_root_that_is_no_base64_is_refused() -> None:
    broken = GOOD.replace(encode_base64(ROOT), "*" * 44)

    assert refusal(read_checkpoint, broken) == "document-malformed"


def test_a_log_signs_with_ed25519_only() -> None:
    key = PrivateKey.generate_p256()

    assert refusal(sign_checkpoint, key, 1, ROOT) == "log-key-scheme"
    assert refusal(open_checkpoint, GOOD, key.public) == "log-key-scheme"


# Leaves


WORLD = World()
ALGORITHM = WORLD.sign(WORLD.algorithm(), AUTHOR)
ROSTER = WORLD.sign(WORLD.roster(), OFFICE)
ORDER = WORLD.order(digest_of(ALGORITHM))
DOCUMENTS: dict[str, bytes] = {
    "accreditation": WORLD.sign(WORLD.accreditation(), OFFICE),
    "roster": ROSTER,
    "status": WORLD.sign(WORLD.status(revoked={"persons": [RESEARCHER]}), OFFICE),
    "algorithm": ALGORITHM,
    "approval": WORLD.sign(WORLD.approval("meri", digest_of(ALGORITHM), digest_of(ROSTER)), "meri"),
    "job-order": WORLD.sign(ORDER, RESEARCHER),
    "receipt": WORLD.sign(WORLD.receipt(ORDER, "0" * 64), WORLD.node),
    "rehearsal": WORLD.sign(rehearsal(), WORLD.node),
}
APPROVAL = read_envelope(DOCUMENTS["approval"])


def test_every_kind_that_the_registry_takes_is_logged() -> None:
    assert PUBLIC.keys() == DOCUMENTS.keys()


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_leaf_shows_the_listed_fields_and_opens_to_its_document(kind: str) -> None:
    envelope = read_envelope(DOCUMENTS[kind])
    leaf = make_leaf(envelope, SALT)

    assert (leaf.kind, set(leaf.public)) == (kind, set(PUBLIC[kind]))
    assert read_leaf(leaf.to_bytes()) == leaf
    check_opens(leaf, envelope, SALT)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_leaf_names_no_person_no_parameter_and_no_vote(kind: str) -> None:
    line = make_leaf(read_envelope(DOCUMENTS[kind]), SALT).to_bytes()
    line = re.sub(rb"[0-9a-f]{64}", b"", line)  # a short name may well be part of a digest

    for private in (RESEARCHER, AUTHOR, *WORLD.members, "rs7903146", "approve", "t2d", "Too few"):
        assert private.encode() not in line


def test_two_salts_hide_that_a_document_is_the_same() -> None:
    assert make_leaf(APPROVAL, SALT).commitment != make_leaf(APPROVAL, bytes(32)).commitment


def test_leaf_of_another_document_or_salt_does_not_open() -> None:
    other = read_envelope(WORLD.sign(WORLD.approval("maria", digest_of(ALGORITHM), digest_of(ROSTER)), "maria"))
    leaf = make_leaf(APPROVAL, SALT)

    assert refusal(check_opens, leaf, other, SALT) == "log-commitment"
    assert refusal(check_opens, leaf, APPROVAL, bytes(32)) == "log-commitment"
    assert refusal(check_opens, leaf, APPROVAL, b"") == "log-commitment"


def test_leaf_that_shows_something_else_than_its_document_does_not_open() -> None:
    leaf = make_leaf(APPROVAL, SALT)
    lie = leaf.model_copy(update={"public": leaf.public | {"committee": "ethics-es"}})

    assert refusal(check_opens, lie, APPROVAL, SALT) == "log-commitment"


def line(**changes: Any) -> bytes:
    return canonical(make_leaf(APPROVAL, SALT).model_dump() | changes)


LEAVES = {
    "unknown-kind": line(kind="policy"),
    "unlisted-field": line(public={"algorithm": "0" * 64, "committee": "c", "member": "meri"}),
    "missing-field": line(public={"committee": "c"}),
    "another-spelling": line() + b" ",
    "no-commitment": line(commitment=""),
    "more": line(salt="0" * 64),
    "not-json": b"approval",
    "too-long": line(public={"algorithm": "0" * 64, "committee": "c" * 5000}),
}


@pytest.mark.parametrize("raw", LEAVES.values(), ids=LEAVES)
def test_leaf_in_another_form_is_refused(raw: bytes) -> None:
    assert refusal(read_leaf, raw) == "log-leaf"


def test_trust_roots_and_policies_are_not_logged() -> None:
    assert refusal(make_leaf, read_envelope(WORLD.sign(WORLD.policy(), "holder-fi")), SALT) == "log-leaf"


def test_a_short_salt_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        make_leaf(APPROVAL, b"short")


# A whole log


HONEST = Log([*DOCUMENTS.values()])
FORKED = Log([*DOCUMENTS.values()][::-1])
PLACE = list(DOCUMENTS).index("approval")


def test_a_log_that_only_grows_is_believed() -> None:
    check_continues(None, HONEST.at(3), ())
    check_continues(HONEST.at(3), HONEST.at(7), HONEST.consistency(3, 7))
    check_continues(HONEST.at(7), HONEST.at(7), ())


def test_a_log_that_was_rolled_back_is_refused() -> None:
    assert refusal(check_continues, HONEST.at(7), HONEST.at(6), ()) == "log-rollback"


def test_another_log_of_the_same_size_is_a_fork() -> None:
    assert refusal(check_continues, HONEST.at(7), FORKED.at(7), ()) == "log-fork"


def test_a_longer_log_that_was_rewritten_is_a_fork() -> None:
    assert refusal(check_continues, HONEST.at(3), FORKED.at(7), FORKED.consistency(3, 7)) == "log-fork"


def test_a_longer_log_without_a_proof_is_a_fork() -> None:
    assert refusal(check_continues, HONEST.at(3), HONEST.at(7), ()) == "log-fork"


def test_a_document_in_the_log_is_proved() -> None:
    proof = check_logged(HONEST.proof(PLACE, 7), APPROVAL, HONEST.at(7))

    assert proof.index == PLACE
    assert open_proof(HONEST.proof(PLACE, 7), LOG.public) == (proof, HONEST.at(7))


def test_the_proof_of_another_document_proves_nothing() -> None:
    assert refusal(check_logged, HONEST.proof(0, 7), APPROVAL, HONEST.at(7)) == "log-commitment"


def test_a_proof_in_another_tree_proves_nothing() -> None:
    assert refusal(check_logged, FORKED.proof(len(DOCUMENTS) - 1 - PLACE, 7), APPROVAL, HONEST.at(7)) == "log-inclusion"


def test_an_erased_document_keeps_its_proof_but_cannot_be_opened() -> None:
    erased = HONEST.proof(PLACE, 7, None)

    open_proof(erased, LOG.public)
    assert refusal(check_logged, erased, APPROVAL, HONEST.at(7)) == "log-commitment"


def test_a_proof_under_the_checkpoint_of_a_stranger_is_refused() -> None:
    assert refusal(open_proof, Log(list(DOCUMENTS.values()), private_key("x")).proof(0, 7), LOG.public) == (
        "log-checkpoint-signature"
    )


PROOF = HONEST.proof(PLACE, 7)
PROOFS = {
    "empty": "",
    "another-version": PROOF.replace("@v1", "@v2"),
    "no-extra": PROOF.replace("extra ", "extr "),
    "extra-broken": PROOF.replace("extra ", "extra *"),
    "index-with-zeroes": PROOF.replace("index ", "index 0"),
    "path-broken": PROOF.replace("index 4\n", "index 4\n*\n"),
    "path-deep": PROOF.replace("index 4\n", "index 4\n" + "AAAA\n" * 70),
    "no-checkpoint": PROOF.split("\n\n")[0],
    "too-long": PROOF + "\n" * 10_000,
}


@pytest.mark.parametrize("raw", PROOFS.values(), ids=PROOFS)
def test_proof_in_another_form_is_refused(raw: str) -> None:
    assert refusal(read_log_proof, raw) == "log-proof-malformed"


def test_two_histories_of_one_log_come_out() -> None:
    check_one_history([HONEST.at(7), HONEST.at(6), HONEST.at(7)])
    assert refusal(check_one_history, [HONEST.at(7), HONEST.at(6), FORKED.at(7)]) == "log-fork"
