"""Faults of what an order asks for, and of how a bundle is carried."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from factory import (
    NOW,
)
from vectors.bundles import TRUE, WORLD, Case, case, two_committees, two_rules
from vectors.forge import to_bytes
from vectors.spec_cases import UNIT_MODE

from protocol.chain import OrderBundle

_HOUR = timedelta(hours=1)


def vectors() -> Iterator[Case]:
    yield from _requests()
    yield from _conditions()
    yield from _carriage()


def _requests() -> Iterator[Case]:
    def order(**changes: Any) -> OrderBundle:
        return WORLD.bundle(order=changes)

    yield case("other-node", "The order is for another node.", "order-wrong-node", order(node="node-es"))
    yield case("dataset-not-here", "The node has no such dataset.", "dataset-unknown", order(dataset="cohort-es"))
    yield case(
        "dataset-without-rule", "The trust root has no rule for it.", "dataset-unknown", TRUE, root={"datasets": []}
    )
    yield case("too-early", "The order begins later.", "order-window", order(not_before=NOW + _HOUR))
    yield case("too-late", "The order has ended.", "order-window", order(not_after=NOW))
    yield case(
        "purpose-not-stated",
        "The algorithm does not state this purpose.",
        "order-purpose",
        order(purpose="DUO:0000042"),
    )
    yield case("no-blocks", "Block mode without blocks.", "order-blocks", order(blocks=0))
    yield case("blocks-in-unit-mode", "Unit mode with blocks.", "order-blocks", WORLD.bundle(algorithm=UNIT_MODE))
    for name, says, parameters in (
        ("parameter-missing", "A required parameter is missing.", {}),
        ("parameter-unknown", "A parameter is unknown.", {"variant": "rs1", "verbose": True}),
        ("parameter-of-other-type", "A parameter is a number.", {"variant": 7903146}),
        ("parameter-breaks-pattern", "A parameter breaks its pattern.", {"variant": "rs1; rm -rf /"}),
        ("parameter-long", "A parameter is long.", {"variant": "rs" + "1" * 99}),
    ):
        yield case(name, says, "order-parameters", order(parameters=parameters))
    share = {"output": "log_odds_ratio", "nano": 10_000_000}
    for name, says, rho in (
        ("share-missing", "An output has no share.", [share | {"output": "other"}]),
        ("share-extra", "A share is for no output.", [share, share | {"output": "other"}]),
        ("share-twice", "An output has two shares.", [share, share]),
    ):
        yield case(name, says, "order-rho", order(rho=rho))
    swapped = WORLD.bundle(
        algorithm=UNIT_MODE,
        order={
            "parameters": {"variants": ["rs1", "rs2"]},
            "blocks": 0,
            "rho": [{"output": name, "nano": 10_000_000} for name in ("rs2", "rs1")],
        },
    )
    yield case("shares-in-other-order", "The shares are in another order.", "order-rho", swapped)
    yield from _expansions()


def _expansions() -> Iterator[Case]:
    free = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    schema = UNIT_MODE["parameters"] | {"properties": {"variants": free}}
    frequency = UNIT_MODE["outputs"][0]
    total = frequency | {"name": "total", "each": None}
    for name, says, items in (
        ("output-named-by-path", "An item cannot name an output.", ["../etc/passwd"]),
        ("output-named-like-another", "An item is called like another output.", ["total"]),
        ("outputs-too-many", "Five thousand outputs.", [f"rs{number}" for number in range(5000)]),
    ):
        bundle = WORLD.bundle(
            algorithm=UNIT_MODE | {"parameters": schema, "outputs": [frequency, total]},
            order={"parameters": {"variants": items}, "blocks": 0, "rho": [{"output": "total", "nano": 1}]},
        )
        yield case(name, says, "order-outputs", bundle)


def _conditions() -> Iterator[Case]:
    for name, says, changes in (
        ("conditions-other-node", "They approved another node.", {"nodes": ["node-es"]}),
        ("conditions-other-dataset", "They approved another dataset.", {"datasets": ["cohort-es"]}),
        ("conditions-other-purpose", "They approved another purpose.", {"purposes": ["DUO:0000042"]}),
        ("conditions-less-rho", "They approved less ρ.", {"rho_per_job_nano": 31_249_999}),
        ("conditions-less-total", "They approved less ρ in total.", {"rho_total_per_node_nano": 1}),
    ):
        conditions = {"conditions": WORLD.conditions(**changes)}
        bundle = WORLD.bundle(approvals={"meri": conditions, "mikko": conditions})
        yield case(name, says, "approval-conditions", bundle)
    vetoed = two_committees(rho_per_job_nano=1000)
    yield case(
        "veto-allows-less", "The country's committee allows less ρ.", "approval-conditions", vetoed, root=two_rules()
    )


def _carriage() -> Iterator[Case]:
    raw = TRUE.to_json()
    yield case("bundle-truncated", "The end is missing.", "document-malformed", raw[:-1])
    yield case("bundle-duplicate-key", "A member appears twice.", "document-malformed", raw[:-1] + b',"order":""}')
    yield case("bundle-unknown-member", "A member is unknown.", "document-malformed", raw[:-1] + b',"trust_me":true}')
    yield case(
        "bundle-order-object",
        "The order is no text.",
        "document-malformed",
        raw.replace(b'"order":"', b'"order":{},"old":"'),
    )
    crowd = to_bytes(
        {"order": "", "algorithm": "", "approvals": [""] * 129, "accreditations": [], "rosters": [], "statuses": []}
    )
    yield case("bundle-crowded", "It holds 129 documents.", "document-malformed", crowd)
    empty = replace(TRUE, order=b"")
    yield case("bundle-without-order", "The order is empty.", "document-malformed", empty)
