"""A restore of a ledger is believed with two persons' word, of those whom the holder named."""

import pytest
from factory import NODE, NOW, World, key_entry

from protocol.chain import explain
from protocol.documents.ledger_restore import LedgerRestore
from protocol.documents.strict import build
from protocol.errors import Refused
from protocol.trust.custodians import open_ledger_restore

WORLD = World()
CUSTODIANS = [{"person": name, "keys": [key_entry(name)]} for name in ("carl", "cleo")]
ROOT = WORLD.open_root(custodians=CUSTODIANS)


def restore(**changes: object) -> LedgerRestore:
    fields = {
        "holder": "holder-fi",
        "node": NODE,
        "ledger_sequence": 3,
        "ledger_head": "a" * 64,
        "witnessed_sequence": 5,
        "witnessed_head": "b" * 64,
        "receipts": ["c" * 64],
        "reserve_nano": 7,
        "prepared": NOW,
        "reason": "the disk died",
    }
    return build(LedgerRestore, fields | changes)


def code_of(raw: bytes, root: object = ROOT) -> str:
    with pytest.raises(Refused) as caught:
        open_ledger_restore(raw, root, NODE)  # type: ignore[arg-type]
    return caught.value.code


def test_two_custodians_are_believed_and_named() -> None:
    raw = WORLD.sign(restore(), "cleo", "carl", "mallory")

    document, digest, persons = open_ledger_restore(raw, ROOT, NODE)

    assert (document, persons, len(digest)) == (restore(), ("carl", "cleo"), 64)


def test_one_custodian_or_a_root_that_names_none_is_not_enough() -> None:
    assert code_of(WORLD.sign(restore(), "cleo", "mallory")) == "restore-persons"
    assert code_of(WORLD.sign(restore(), "cleo", "carl"), WORLD.open_root()) == "restore-persons"


def test_another_node_s_or_holder_s_document_is_refused() -> None:
    for changes in ({"node": "node-es"}, {"holder": "holder-es"}):
        assert code_of(WORLD.sign(restore(**changes), "cleo", "carl")) == "restore-other-node"


def test_verify_explains_a_restore() -> None:
    (step,) = (
        one
        for one in explain({"r.json": WORLD.sign(restore(), "cleo", "carl")}, ROOT, NOW)
        if one.name != "file r.json"
    )

    assert step.ok
    assert step.sentence == "carl and cleo restored the ledger with 1 receipt(s) and 7 nano-rho in reserve."
