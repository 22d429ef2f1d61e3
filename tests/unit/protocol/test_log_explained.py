"""Receipts of several nodes and an export of the log, laid side by side: one history, or a loud refusal."""

from typing import Any

import pytest
from factory import AUTHOR, NODE, NOW, OFFICE, World, digest_of, fake_digest, private_key
from small_log import LOG, Log

from protocol.chain import Step, explain
from protocol.chain.log import read_export
from protocol.crypto import merkle
from protocol.documents.envelope import read_envelope
from protocol.documents.job_order import JobOrder
from protocol.documents.key import Key
from protocol.documents.strict import canonical
from protocol.errors import Refused

WORLD = World()
BUNDLE = WORLD.bundle()
ORDER, ORDER_ID = read_envelope(BUNDLE.order).untrusted(JobOrder), digest_of(BUNDLE.order)
DOCUMENTS = [*BUNDLE.accreditations, *BUNDLE.rosters, *BUNDLE.statuses, BUNDLE.algorithm, *BUNDLE.approvals]
MORE = [WORLD.sign(WORLD.algorithm(version=f"2.{number}.0"), AUTHOR) for number in range(4)]
HONEST, FORKED = Log([*DOCUMENTS, *MORE]), Log([*DOCUMENTS, *MORE[::-1]])
ALL = len(DOCUMENTS)
PINNED = {"log_key": Key.of(LOG.public).model_dump()}
OTHER_NODE = "node-es"
OTHER_KEY = private_key("another log")
ACCREDITATIONS = {name: WORLD.sign(WORLD.accreditation(name), OFFICE) for name in (NODE, OTHER_NODE)}


def proofs(log: Log, size: int) -> list[str]:
    return [log.proof(DOCUMENTS.index(raw), size) for raw in BUNDLE.approvals]


def receipt(log: Log, size: int, node: str = NODE, **changes: Any) -> bytes:
    """A node's receipt of a release whose approvals it saw in this log."""
    released = {"decision": "released", "code": "released", "release_digest": fake_digest("ciphertext")}
    seen = {"checkpoint": log.at(size).raw, "proofs": proofs(log, size), "node": node}
    return WORLD.sign(WORLD.receipt(ORDER, ORDER_ID, **released | seen | changes), node)


def judge(*receipts: bytes, pinned: Any = PINNED, export: list[bytes] | None = None, more: Any = ()) -> dict[str, Step]:
    files = [*receipts, *ACCREDITATIONS.values(), *BUNDLE.statuses, *more]
    root = WORLD.open_root(**pinned)
    named = {f"{number}.json": raw for number, raw in enumerate(files)}
    return {step.name: step for step in explain(named, root, NOW, log_export=export)}


def codes(steps: dict[str, Step]) -> set[str | None]:
    return {step.code for step in steps.values() if step.ok is not True}


def test_a_receipt_proves_its_approvals() -> None:
    steps = judge(receipt(HONEST, ALL), more=[*BUNDLE.approvals, *BUNDLE.rosters])

    assert codes(steps) == set()
    assert "2 approval(s) are in it, 2 of them read here" in steps[f"log seen by {NODE}"].sentence


def test_two_nodes_that_saw_one_log_agree() -> None:
    steps = judge(receipt(HONEST, ALL + 1), receipt(HONEST, ALL + 1, OTHER_NODE))

    assert codes(steps) == set()
    assert steps["logs compared"].sentence == "2 receipt(s) saw the same log."


@pytest.mark.parametrize("pinned", [PINNED, {}])
def test_two_nodes_that_were_shown_two_logs_find_it_out(pinned: Any) -> None:
    steps = judge(receipt(HONEST, ALL + 1), receipt(FORKED, ALL + 1, OTHER_NODE), pinned=pinned)

    assert steps["logs compared"].code == "log-fork"
    assert codes(steps) == {"log-fork"}


def test_two_logs_of_different_sizes_come_out_with_an_export() -> None:
    receipts = receipt(HONEST, ALL + 2), receipt(FORKED, ALL + 1, OTHER_NODE)

    assert "export" in judge(*receipts)["logs compared"].sentence
    assert codes(judge(*receipts, export=HONEST.export(ALL + 4))) == {"log-fork"}
    assert codes(judge(*receipts, export=FORKED.export(ALL + 4))) == {"log-fork"}


def test_an_export_continues_what_all_nodes_saw() -> None:
    steps = judge(receipt(HONEST, ALL + 2), receipt(HONEST, ALL, OTHER_NODE), export=HONEST.export(ALL + 2))

    assert codes(steps) == set()
    assert steps["log export"].ok
    assert steps["logs compared"].ok


def test_an_export_that_is_behind_the_nodes_is_refused() -> None:
    assert codes(judge(receipt(HONEST, ALL + 2), export=HONEST.export(ALL + 1))) == {"log-rollback"}


def test_an_export_of_another_log_is_refused() -> None:
    other = Log(DOCUMENTS, OTHER_KEY)

    assert codes(judge(receipt(HONEST, ALL), export=other.export(ALL), pinned={})) == {"log-other"}
    assert codes(judge(receipt(HONEST, ALL), export=other.export(ALL))) == {"log-checkpoint-signature"}


def test_a_log_that_is_not_pinned_is_compared_but_not_believed() -> None:
    steps = judge(receipt(HONEST, ALL), pinned={})

    assert "cannot be checked" in steps[f"log seen by {NODE}"].sentence


def test_a_receipt_without_a_log_says_so() -> None:
    steps = judge(receipt(HONEST, ALL, checkpoint=None, proofs=[]))

    assert steps[f"log seen by {NODE}"].ok
    assert "pins none" in steps[f"log seen by {NODE}"].sentence


ANOTHER = WORLD.sign(WORLD.approval("maria", digest_of(BUNDLE.algorithm), digest_of(BUNDLE.rosters[0])), "maria")
WIDER = Log([*DOCUMENTS, ANOTHER])
OTHER_PROOFS = [WIDER.proof(ALL, ALL + 1), WIDER.proof(ALL - 1, ALL + 1)]
FAULTS = {
    "checkpoint-of-a-stranger": ({"checkpoint": "STRANGER"}, "log-checkpoint-signature"),
    "checkpoint-malformed": ({"checkpoint": "a log"}, "log-checkpoint-malformed"),
    "proofs-missing": ({"proofs": []}, "log-inclusion"),
    "one-proof-missing": ({"proofs": proofs(HONEST, ALL)[:1]}, "log-inclusion"),
    "proofs-of-another-size": ({"proofs": proofs(HONEST, ALL - 1 + 2)}, "log-inclusion"),
    "proofs-of-other-documents": ({"proofs": [HONEST.proof(0, ALL), HONEST.proof(1, ALL)]}, "log-inclusion"),
    "proof-malformed": ({"proofs": ["a proof", "another"]}, "log-proof-malformed"),
    "one-approval-proved-twice": ({"proofs": proofs(HONEST, ALL)[:1] * 2}, "log-inclusion"),
    "proof-of-another-approval": ({"proofs": OTHER_PROOFS, "checkpoint": WIDER.at(ALL + 1).raw}, "log-commitment"),
}


@pytest.mark.parametrize(("changes", "code"), FAULTS.values(), ids=FAULTS)
def test_a_receipt_that_does_not_prove_what_it_says(changes: dict[str, Any], code: str) -> None:
    if changes.get("checkpoint") == "STRANGER":
        changes = {"checkpoint": Log(DOCUMENTS, OTHER_KEY).at(ALL).raw}
    steps = judge(receipt(HONEST, ALL, **changes), more=[*BUNDLE.approvals, *BUNDLE.rosters])

    assert codes(steps) == {code}


# The export itself


LINES = HONEST.export(ALL)
OTHER_LEAF = Log(MORE).leaves[0].to_bytes()
EXPORTS = {
    "empty": ([], "log-export"),
    "cut-off": (LINES[:-1], "log-export"),
    "entry-missing": (LINES[1:], "log-export"),
    "entry-twice": ([LINES[0], *LINES], "log-export"),
    "entries-swapped": ([LINES[1], LINES[0], *LINES[2:]], "log-export"),
    "entry-changed": ([OTHER_LEAF, *LINES[1:]], "log-export"),
    "entry-after-the-checkpoint": ([*LINES, LINES[0]], "log-export"),
    "checkpoint-of-another-size": ([*LINES[:-1], HONEST.export(ALL + 1)[-1]], "log-export"),
    "checkpoint-no-text": ([*LINES[:-1], canonical({"checkpoint": 7})], "log-export"),
    "entry-unreadable": ([b"{}", *LINES], "log-leaf"),
    "line-too-long": ([b"x" * 100_000, *LINES], "log-export"),
    "signed-by-a-stranger": (Log(DOCUMENTS, OTHER_KEY).export(ALL), "log-checkpoint-signature"),
}


def test_an_export_is_recomputed_from_its_entries_alone() -> None:
    log = read_export([line + b"\n" for line in LINES], LOG.public, range(ALL + 1))

    assert log.checkpoint == HONEST.at(ALL)
    assert log.kinds == {"accreditation": 2, "roster": 1, "status": 1, "algorithm": 1, "approval": 2}
    assert log.roots == {size: merkle.root(size, HONEST.read) for size in range(ALL + 1)}


def test_an_empty_log_is_a_log() -> None:
    assert read_export(HONEST.export(0), LOG.public).checkpoint.root == merkle.EMPTY_ROOT


@pytest.mark.parametrize(("lines", "code"), EXPORTS.values(), ids=EXPORTS)
def test_an_export_that_is_not_the_whole_log_is_refused(lines: list[bytes], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_export(lines, LOG.public)

    assert refusal.value.code == code
