"""What takes more than one forged answer: floods, logs, replays, clients; and the honest course beside it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attacks.registry.forgeries import MALFORMED
from attacks.registry.place import OTHER_NODE, Place, Stage
from attacks.registry.taken import Answer, Flood, TakenRegistry
from factory import NODE, OFFICE, digest_of, key_entry, private_key

from client.api import ANSWER_BYTES
from protocol.chain import explain
from protocol.documents.envelope import read_envelope, sign_statement
from protocol.documents.receipt import Receipt
from protocol.errors import SafeconductError
from sandbox.errors import LedgerBroken
from sandbox.hub.registry import ORDERS_BYTES
from sandbox.worker.wiring import open_node

SLACK = 16 * 2**20  # what is on its way in sockets when the other side hangs up


class Released:
    """Two orders that ran honestly, and the node that ran them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.first, self.second = (digest_of(stage.order().order) for _ in range(2))
        assert stage.poll() == []
        self.states = [stage.kit.finish(order).state for order in (self.first, self.second)]

    def sealed(self, order: str) -> Any:
        return self.stage.kit.sealed(order)


@pytest.fixture(scope="module")
def released(place: Place) -> Iterator[Released]:
    with place.stage() as stage:
        yield Released(stage)


def test_honest_course_ends_in_a_released_and_opened_result(released: Released) -> None:
    with released.stage.client() as client:
        results = client.results([released.first, released.second])

    assert released.states == ["reported", "reported"]
    assert [result.receipt.code for result in results] == ["released", "released"]
    assert all(result.release and result.release.order == result.order for result in results)
    assert released.stage.ledger_entries() == 2


def _flipped(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


def _forged_receipt(raw: bytes) -> bytes:
    return sign_statement(read_envelope(raw).untrusted(Receipt), [private_key("mallory")])


Lie = Callable[[Released, bytes], Any]
RECEIPT, RELEASE, STATUSES, WHO, ORDER = (
    "/receipt$",
    "/release$",
    "/statuses$",
    f"/accreditations/{NODE}$",
    "/orders/[0-9a-f]+$",
)


def _accreditation(released: Released, _: bytes) -> bytes:
    world = released.stage.world
    return world.sign(world.accreditation(NODE, keys=[key_entry("mallory")]), "mallory")


#: name: (expected code, what is answered where)
CLIENT: dict[str, tuple[str, dict[str, Lie]]] = {
    "release-swapped": ("release-digest", {RELEASE: lambda it, _: it.sealed(it.second).ciphertext}),
    "release-bits-flipped": ("release-digest", {RELEASE: lambda _, raw: _flipped(raw)}),
    "receipt-and-release-swapped": (
        "receipt-other-order",
        {RECEIPT: lambda it, _: it.sealed(it.second).receipt, RELEASE: lambda it, _: it.sealed(it.second).ciphertext},
    ),
    "receipt-never-signed": ("receipt-signature", {RECEIPT: lambda _, raw: _forged_receipt(raw)}),
    "node-accreditation-forged": (
        "key-unknown",
        {RECEIPT: lambda _, raw: _forged_receipt(raw), WHO: _accreditation},
    ),
    "status-withheld-from-a-client": ("status-missing", {STATUSES: lambda *_: b'{"statuses": []}'}),
    "receipt-of-10-gb": ("registry-answer-size", {RECEIPT: lambda *_: Flood()}),
    "receipt-packed-as-a-bomb": (
        "registry-answer",
        {RECEIPT: lambda *_: Answer(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})},
    ),
    "order-state-nested-deeply": ("registry-answer", {ORDER: lambda *_: b'{"state":' + b"[" * 100_000}),
    **{
        f"receipt-with-{name}": ("document-malformed", {RECEIPT: lambda _, raw, how=how: how(raw)})
        for name, how in MALFORMED.items()
    },
}


@pytest.mark.parametrize("case", CLIENT)
def test_client_believes_nothing_of_what_was_altered(released: Released, case: str) -> None:
    code, lies = CLIENT[case]
    with released.stage.client() as client, pytest.raises(SafeconductError) as told:
        _while_lying(released, list(lies.items()), lambda: client.result(released.first))

    assert told.value.code == code


def _while_lying(released: Released, lies: list[tuple[str, Lie]], do: Callable[[], Any]) -> Any:
    if not lies:
        return do()
    path, lie = lies[0]
    with released.stage.hub.lying(path, lambda raw: lie(released, raw)):
        return _while_lying(released, lies[1:], do)


def test_client_stops_at_its_cap_of_a_10_gb_release(released: Released) -> None:
    flood = Flood()
    with (
        released.stage.client() as client,
        released.stage.hub.lying(RELEASE, lambda _: flood),
        pytest.raises(SafeconductError) as told,
    ):
        client.result(released.first)

    assert told.value.code == "registry-answer-size"
    assert ANSWER_BYTES <= flood.sent + SLACK <= ANSWER_BYTES + 2 * SLACK


def test_node_stops_at_its_cap_of_10_gb_of_orders(stage: Stage) -> None:
    flood = Flood()
    with stage.hub.lying("/orders$", lambda _: flood):
        assert stage.poll() == ["registry-answer-size"]

    assert flood.sent <= ORDERS_BYTES + SLACK
    stage.check_untouched()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"orders":[],"orders":[],"ids":[],"statuses":[]}',
        b'{"orders":1,"ids":[],"statuses":[]}',
        b"{}{}",
    ],
    ids=["deep", "duplicate", "number", "trailing"],
)
def test_node_reads_no_list_of_orders_that_is_not_strict(stage: Stage, body: bytes) -> None:
    with stage.hub.lying("/orders$", lambda _: body):
        assert stage.poll() == ["registry-answer"]
    stage.check_untouched()


def test_image_swapped_under_its_name_is_refused(stage: Stage) -> None:
    order = digest_of(stage.order().order)
    with stage.hub.lying("/images/", lambda raw: raw[:-1] + b"x"):
        assert stage.poll() == []
        assert stage.kit.finish(order).state == "refused"

    assert stage.receipt(order).code == "image-mismatch"
    stage.check_untouched()


def test_order_replayed_runs_once(stage: Stage) -> None:
    bundle = stage.order()
    order = digest_of(bundle.order)
    stage.poll()
    stage.kit.finish(order)
    sealed = stage.kit.sealed(order).receipt
    stage.handed(bundle)
    stage.kit.finish(order)

    assert (stage.ledger_entries(), stage.kit.sealed(order).receipt) == (1, sealed)


def test_node_restored_from_before_an_order_does_not_open(stage: Stage) -> None:
    backup, live = stage.folder / "backup", stage.folder / "node"
    shutil.copytree(live, backup)
    bundle = stage.order()
    stage.poll()
    stage.kit.finish(digest_of(bundle.order))
    stage.kit.node.store.close()
    for part in live.glob("node.db*"):
        part.unlink()
    for part in backup.glob("node.db*"):
        shutil.copy(part, live)

    with pytest.raises(LedgerBroken) as told:
        open_node(stage.settings)

    assert told.value.code == "ledger-rolled-back"


def test_log_that_is_rolled_back_holds_every_order(stage: Stage) -> None:
    stage.poll()
    old: list[bytes] = []
    with stage.hub.lying("/log/checkpoint$", lambda raw: old.append(raw) or raw):
        stage.poll()
    order = digest_of(stage.order().order)
    stage.poll()
    with stage.hub.lying("/log/checkpoint$", lambda _: old[0]):
        assert stage.poll() == ["log-rollback"]
        assert stage.kit.tick(order).state == "held"

    assert stage.row(order).code == "log-rollback"
    stage.check_untouched()


def test_two_logs_shown_to_two_nodes_come_out(place: Place, tmp_path: Path) -> None:
    forks = [TakenRegistry(tmp_path / name) for name in ("one", "other")]  # one key and the same documents, two salts
    receipts = []
    for fork, name in zip(forks, (NODE, OTHER_NODE), strict=True):
        place.settle(fork)
        with place.stage(fork, name) as stage:
            bundle = stage.order(stage.kit.bundle(order={"node": name, "dataset": "cohort-es"}))
            assert stage.poll() == []
            stage.kit.finish(digest_of(bundle.order))
            receipts.append(stage.kit.sealed(digest_of(bundle.order)).receipt)
            root, now = stage.kit.node.trust.root, stage.clock()
        fork.close()

    world = place.world
    papers = [world.sign(world.accreditation(name), OFFICE) for name in (NODE, OTHER_NODE)]
    papers.append(world.sign(world.status(), OFFICE))
    files = {f"{number}.json": raw for number, raw in enumerate([*receipts, *papers])}
    assert {step.code for step in explain(files, root, now) if step.ok is not True} == {"log-fork"}


def test_node_whose_clock_is_behind_charges_nothing(stage: Stage) -> None:
    order = digest_of(stage.order().order)
    stage.poll()
    stage.kit.node.clock.save()
    stage.clock.advance(-3600)
    row = stage.kit.tick(order)

    assert (row.state, row.code) == ("held", "clock-behind")
    stage.check_untouched()


#: What each test of this file that is not in a table shows: (case, expected code, test).
COURSES = (
    ("release-of-10-gb", "registry-answer-size", "test_client_stops_at_its_cap_of_a_10_gb_release"),
    ("orders-of-10-gb", "registry-answer-size", "test_node_stops_at_its_cap_of_10_gb_of_orders"),
    ("list-of-orders-malformed", "registry-answer", "test_node_reads_no_list_of_orders_that_is_not_strict"),
    ("image-swapped", "image-mismatch", "test_image_swapped_under_its_name_is_refused"),
    ("order-replayed", "released", "test_order_replayed_runs_once"),
    ("order-replayed-after-a-restore", "ledger-rolled-back", "test_node_restored_from_before_an_order_does_not_open"),
    ("two-logs-for-two-nodes", "log-fork", "test_two_logs_shown_to_two_nodes_come_out"),
    ("log-rolled-back", "log-rollback", "test_log_that_is_rolled_back_holds_every_order"),
    ("node-clock-behind", "clock-behind", "test_node_whose_clock_is_behind_charges_nothing"),
)
