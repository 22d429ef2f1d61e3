"""What can be foreseen of an order's fate from outside: each refusal for its fault, and none for a good order."""

from datetime import timedelta
from typing import Any

import pytest
from factory import NOW, RESEARCHER, World, fake_digest

from protocol.chain.foresee import UNSEEN, foresee
from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.job_order import OrderDraft, share_equally
from protocol.documents.strict import build

WORLD = World()
ALGORITHM = WORLD.algorithm()
UNIT = WORLD.algorithm(mode="unit", outputs=[ALGORITHM.outputs[0].model_dump(mode="json") | {"aggregator": "sum"}])
ENTRY = {
    "dataset": WORLD.dataset, "snapshot": "s", "country": "FI", "assembly": "GRCh38", "people": 12_800, "slots": 12_800,
    "unit": "family", "maximum_family_size": 4, "columns": ["age", "sex"], "sites": None, "duo": [],
}  # fmt: skip


def codes(algorithm: Any = ALGORITHM, entry: Any = (), approval: Any = (), now: Any = NOW, **changes: Any) -> list[str]:
    draft = WORLD.order(fake_digest("algorithm"), **changes)
    about = {"algorithm": fake_digest("algorithm")} | dict(approval)
    approvals = [WORLD.approval("meri", roster=fake_digest("roster"), **about)]
    offered = None if entry is None else build(CatalogueEntry, ENTRY | dict(entry))
    return [one.code for one in foresee(draft, algorithm, approvals, offered, now)]


def test_a_good_order_is_foreseen_to_run() -> None:
    assert codes() == []
    assert codes(UNIT, blocks=0) == []


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("approval-other-algorithm", {"approval": {"algorithm": fake_digest("other")}}),
        ("approval-other-project", {"project": "another"}),
        ("approval-other-person", {"approval": {"persons": ["somebody"]}}),
        ("approval-conditions", {"rho": [{"output": "log_odds_ratio", "nano": 31_250_001}]}),
        ("approval-expired", {"now": NOW + timedelta(days=31)}),
        ("order-purpose", {"algorithm": WORLD.algorithm(purpose=["DUO:0000042"])}),
        ("dataset-unknown", {"entry": None}),
        ("column-unknown", {"entry": {"columns": ["age"]}}),
        ("policy-denied", {"entry": {"duo": ["DUO:0000011"]}}),
        ("policy-denied", {"entry": {"duo": ["DUO:0000042", "DUO:9999999"]}}),
        ("order-blocks", {"blocks": 0}),
        ("order-blocks", {"algorithm": UNIT}),
        ("gate-median-resolution", {"blocks": 127}),
        ("gate-blocks-too-small", {"entry": {"people": 10_000}}),
    ],
)
def test_each_fault_is_foreseen_alone(code: str, changes: dict[str, Any]) -> None:
    assert codes(**changes) == [code]


def test_consent_that_covers_the_purpose_or_is_not_told_stops_nothing() -> None:
    assert codes(entry={"duo": ["DUO:0000042"]}) == codes(entry={"duo": []}) == []


def test_a_purpose_for_which_no_node_runs_anything_is_foreseen() -> None:
    purpose = "MONDO:0005148"
    asked = {"purposes": [purpose]}
    found = codes(
        WORLD.algorithm(purpose=[purpose]), approval={"conditions": WORLD.conditions(**asked)}, purpose=purpose
    )

    assert found == ["policy-denied"]


def test_a_dataset_that_is_not_offered_has_no_blocks_to_judge() -> None:
    assert codes(entry=None, blocks=10_000) == ["dataset-unknown"]


def test_what_cannot_be_seen_is_said() -> None:
    assert any("policies" in one for one in UNSEEN)


def test_an_order_and_its_draft_are_the_same_choices() -> None:
    order = WORLD.order()
    draft = build(OrderDraft, order.model_dump(mode="json", include=set(OrderDraft.model_fields)))

    assert draft.choices == order.choices
    assert draft.choices != WORLD.order(blocks=64).choices
    assert WORLD.order(nonce="1" * 32).choices == order.choices  # what only signing adds is no choice
    assert draft.researcher == RESEARCHER


def test_equal_shares_never_round_up() -> None:
    assert [share.nano for share in share_equally(["a", "b", "c"], 10)] == [3, 3, 3]
