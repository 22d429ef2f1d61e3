"""Steps 1 to 8 as the node takes them: each refusal has its code, a signed receipt, and costs nothing."""

from typing import Any

import pytest
from factory import recipient_key

from protocol.chain import open_release
from protocol.documents.envelope import read_envelope
from protocol.documents.receipt import Receipt
from protocol.errors import Refused
from sandbox.store import ledger

CASES: dict[str, tuple[dict[str, Any], str]] = {
    "another node": ({"order": {"node": "node-es"}}, "order-wrong-node"),
    "another dataset": ({"order": {"dataset": "cohort-es"}}, "dataset-unknown"),
    "one approval": ({"approvals": ["meri"]}, "approval-quorum"),
    "a rejection": ({"approvals": {"meri": {"decision": "reject"}, "mikko": {}}}, "approval-rejects"),
    "another project": ({"order": {"project": "elsewhere"}}, "approval-other-project"),
    "unknown parameter": ({"order": {"parameters": {"x": 1}}}, "order-parameters"),
    "revoked algorithm's author": ({"status": {"revoked": {"persons": ["ada"]}}}, "person-revoked"),
    "too few blocks": ({"order": {"blocks": 1}}, "gate-blocks"),
    "blocks too small": ({"order": {"blocks": 100}}, "gate-blocks-too-small"),
    "reviewed mode": ({"algorithm": {"mode": "reviewed"}}, "gate-mode-reviewed"),
    "unknown column": (
        {"algorithm": {"inputs": {"variants": False, "columns": ["income"]}}},
        "column-unknown",
    ),
    "too much memory": ({"algorithm": {"memory_bytes": 8 * 2**30}}, "policy-denied"),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_order_is_refused_with_a_receipt_and_no_charge(kit: Any, case: str) -> None:
    changes, code = CASES[case]
    order = kit.take(**changes)
    row = kit.finish(order)
    receipt = read_envelope(kit.sealed(order).receipt).untrusted(Receipt)
    assert (row.state, row.code, receipt.code) == ("refused", code, code)
    assert (receipt.order, receipt.rho_charged_nano, receipt.rho_left_nano) == (order, 0, 125_000_000)
    with kit.node.store.reading() as session:
        assert ledger.head(session).sequence == 0


@pytest.mark.parametrize(
    ("algorithm", "policy"),
    # Four chambers of twelve hours in two lanes take a day; with a millisecond more both limits are passed.
    [
        ({"memory_bytes": 8 * 2**30}, ["node-memory"]),
        ({"slot_milliseconds": 43_200_001}, ["node-slot", "node-job"]),
        ({"slot_milliseconds": 43_200_000}, ["node-slot"]),
    ],
)
def test_policies_that_deny_are_named_in_the_reason(kit: Any, algorithm: dict[str, int], policy: list[str]) -> None:
    order = kit.take(algorithm=algorithm)
    kit.finish(order)
    reason = read_envelope(kit.sealed(order).receipt).untrusted(Receipt).reason
    assert [name for name in ("node-memory", "node-slot", "node-job") if name in reason] == policy


def test_image_that_the_registry_does_not_have_is_refused(kit: Any) -> None:
    kit.registry.images.clear()
    assert (row := kit.finish(kit.take())).code == "image-missing", row.state


def test_archive_that_was_swapped_is_refused_and_not_kept(kit: Any) -> None:
    digest = kit.world.image.archive_digest
    kit.registry.images[digest] = b"another archive"
    assert kit.finish(kit.take()).code == "image-mismatch"
    assert not list(kit.node.places.images.glob("*.tar*partial"))


def test_archive_larger_than_the_signed_image_is_not_downloaded_to_its_end(kit: Any) -> None:
    digest = kit.world.image.archive_digest
    kit.registry.images[digest] = bytes(66 << 20)
    assert kit.finish(kit.take()).code == "image-mismatch"


def test_download_that_broke_off_goes_on_where_it_ended(kit: Any) -> None:
    digest = kit.world.image.archive_digest
    partial = kit.node.places.images / f"{digest}.tar.partial"
    partial.write_bytes(kit.registry.images[digest][:1000])
    assert kit.finish(kit.take()).state == "reported"


@pytest.mark.parametrize("whole", [True, False])
def test_download_that_ended_with_its_slice_is_looked_at_in_the_next(kit: Any, whole: bool) -> None:
    """All bytes are here: as they should be, or others that have to be fetched anew."""
    digest = kit.world.image.archive_digest
    content = kit.registry.images[digest]
    partial = kit.node.places.images / f"{digest}.tar.partial"
    partial.write_bytes(content if whole else b"x" * len(content))

    assert kit.finish(kit.take()).state == "reported"


def test_beginning_that_was_spoilt_is_downloaded_anew(kit: Any) -> None:
    digest = kit.world.image.archive_digest
    (kit.node.places.images / f"{digest}.tar.partial").write_bytes(b"x" * 1000)
    assert kit.finish(kit.take()).state == "reported"


def test_release_opens_for_its_recipient_only(kit: Any) -> None:
    order = kit.take()
    kit.finish(order)
    sealed = kit.sealed(order)
    receipt = read_envelope(sealed.receipt).untrusted(Receipt)
    assert open_release(sealed.ciphertext, receipt, recipient_key()).order == order
    with pytest.raises(Refused):
        open_release(sealed.ciphertext, receipt, recipient_key("somebody else"))


def test_release_has_the_same_length_whatever_it_says(kit: Any) -> None:
    lengths = set()
    for said in (b'{"share": 0}', b'{"share": 0.123456789}', b"nonsense"):
        kit.chamber = lambda _input, _block, said=said: _ending(said)
        order = kit.take()
        kit.finish(order)
        lengths.add(len(kit.sealed(order).ciphertext))
    assert len(lengths) == 1


def _ending(said: bytes) -> Any:
    from sandbox.chambers.fake import Ending

    return Ending(wrote=said)
