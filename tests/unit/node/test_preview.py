"""A preview says to the nano what the charge then debits, or the very code of the refusal, and writes nothing."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from databases import contents
from gate_plans import category_plan, gate_plan, output_plan

from client.preview import price_of
from protocol.documents.envelope import read_claim, read_envelope
from protocol.documents.job_order import JobOrder
from protocol.documents.receipt import Receipt
from sandbox.actions.admission import admit
from sandbox.actions.intake import take_in
from sandbox.actions.preview import preview
from sandbox.chambers.fake import Ending
from sandbox.domain.admission import Admission
from sandbox.domain.ledger import Scope
from sandbox.gate import price
from sandbox.store import ledger


def entry_of(kit: Any, order: str) -> Any:
    with kit.node.store.reading() as session:
        return ledger.find(session, order)


def outputs(count: int) -> dict[str, Any]:
    """A job of so many outputs, medians and means in turn, with shares of uneven nanos."""
    chance = random.Random(count)
    kinds = [("median", "0.5"), ("mean", None)]
    declared = [
        {
            "name": f"o{i}",
            "kind": "number",
            "range": ["0", "1"],
            "default": "0",
            "aggregator": kinds[i % 2][0],
            "spread": kinds[i % 2][1],
        }
        for i in range(count)
    ]
    shares = [
        {
            "output": f"o{i}",
            "nano": chance.randrange(8_000_000, 9_000_000) if i % 2 == 0 else chance.randrange(1, 10**6),
        }
        for i in range(count)
    ]
    return {"algorithm": {"outputs": declared}, "order": {"rho": shares, "blocks": 256}}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_is_shown_is_what_is_charged_and_what_was_ordered_to_the_nano(kit: Any, count: int) -> None:
    kit.with_policy(block_people_minimum=1, blocks_minimum=2)
    changes = outputs(count)
    changes["algorithm"]["model_parameters"] = 0
    kit.chamber = lambda _input, _block: Ending(wrote=json.dumps({f"o{i}": 0.5 for i in range(count)}).encode())
    bundle = kit.bundle(**changes)

    shown = preview(kit.node, bundle.to_json())
    _, order = take_in(kit.node, bundle.to_json())
    assert kit.finish(order).state == "reported"

    ordered = sum(share["nano"] for share in changes["order"]["rho"])
    assert (shown["would"], shown["rho_nano"]) == ("charge", ordered)
    assert entry_of(kit, order).rho_nano == ordered == sum(one["rho_nano"] for one in shown["outputs"])
    for account in shown["accounts"]:
        with kit.node.store.reading() as session:
            spent = ledger.spent(session, Scope(account["scope"]), account["name"])
        assert account["rho_cap_nano"] - spent == account["rho_left_after_nano"]


@pytest.mark.parametrize("interval", [0, 13_000_000, 13_000_001])
def test_price_that_a_researcher_sees_is_what_the_node_charges(kit: Any, interval: int) -> None:
    kit.with_policy(block_people_minimum=1, blocks_minimum=2)
    changes = outputs(1)
    changes["algorithm"]["model_parameters"] = 0
    changes["order"]["blocks"] = 380  # an interval needs more blocks than a median
    changes["order"]["rho"][0]["interval_nano"] = interval
    bundle = kit.bundle(**changes)
    seen = price_of(read_claim(bundle.order, JobOrder).untrusted)
    kit.chamber = lambda _input, _block: Ending(wrote=b'{"o0": 0.5}')

    shown = preview(kit.node, bundle.to_json())
    _, order = take_in(kit.node, bundle.to_json())

    assert kit.finish(order).state == "reported"
    assert seen == shown["rho_nano"] == entry_of(kit, order).rho_nano


def test_preview_writes_nothing(kit: Any) -> None:
    kit.finish(kit.take())
    before = contents(kit.database.url)

    preview(kit.node, kit.bundle().to_json())

    assert contents(kit.database.url) == before


def test_refusal_is_foretold_by_its_code(kit: Any) -> None:
    kit.with_policy(project_cap_nano=3_000_000)
    done = kit.bundle()
    _, first = take_in(kit.node, done.to_json())
    kit.finish(first)
    cases = {
        "order-replayed": done,
        "budget-project": kit.bundle(),
        "gate-blocks": kit.bundle(order={"blocks": 1}),
        "order-wrong-node": kit.bundle(order={"node": "node-es"}),
    }
    for code, bundle in cases.items():
        shown = preview(kit.node, bundle.to_json())
        assert (shown["would"], shown["code"]) == ("refuse", code)
        if code != "order-replayed":
            _, order = take_in(kit.node, bundle.to_json())
            kit.finish(order)
            assert read_envelope(kit.sealed(order).receipt).untrusted(Receipt).code == code


def test_waiting_is_foretold_as_well(kit: Any) -> None:
    kit.clock.advance(0)
    bundle = kit.bundle(status={"expires": kit.clock()})

    shown = preview(kit.node, bundle.to_json())

    assert (shown["would"], shown["code"]) == ("wait", "status-stale")


def test_paused_node_is_foretold_to_wait(kit: Any) -> None:
    admit(kit.node.store, Admission.PAUSED, "for the night", kit.clock())

    shown = preview(kit.node, kit.bundle().to_json())

    assert (shown["would"], shown["code"]) == ("wait", "node-paused")


def test_every_mechanism_is_charged_its_share_to_the_nano() -> None:
    """What `job preview` counts on; 31 928 random plans showed no other price, and these are some of them."""
    chance = random.Random(5)
    for number in range(250):
        kind = ("mean", "sum", "vote", "histogram", "median")[number % 5]
        share = int(10 ** chance.uniform(6.8 if kind == "median" else 0.5, 7.49))
        make = category_plan if kind in ("vote", "histogram") else output_plan
        plan = gate_plan(make(aggregator=kind, rho_nano=share), blocks=1024 if kind == "median" else 128)
        assert price(plan).rho_nano_total == share, (kind, share)


def test_bytes_that_are_no_order_are_refused(kit: Any) -> None:
    assert preview(kit.node, b"{}")["code"] == "document-malformed"


def test_chamber_sees_nothing_of_a_preview(kit: Any) -> None:
    def never(_input: bytes, _block: Path) -> Ending:
        raise AssertionError

    kit.chamber = never

    assert preview(kit.node, kit.bundle().to_json())["would"] == "charge"
