"""Conditions that a member makes narrower: read from a form, never wider than asked, and as a node understands them."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from factory import NOW, PURPOSE, World

from protocol.documents.approval import Conditions
from protocol.documents.strict import build
from protocol.errors import Refused, SafeconductError
from protocol.trust.conditions import check_permits
from registry.domain.terms import UntrustedTerms, check_not_wider, describe_changes, read_terms

WORLD = World()
ASKED = build(
    Conditions,
    WORLD.conditions(nodes=["node-es", "node-fi"], datasets=["cohort-fi", "other"], purposes=["DUO:0000007", PURPOSE]),
)
FORM: dict[str, Any] = {
    "narrower": True, "nodes": ("node-es", "node-fi"), "datasets": ("cohort-fi", "other"),
    "purposes": ("DUO:0000007", PURPOSE), "runs": "4", "rho_job": "0.03125", "rho_node": "0.125", "until": "2026-12-23",
}  # fmt: skip


def terms(**changes: Any) -> UntrustedTerms:
    return UntrustedTerms(**FORM | changes)


def narrowed(**changes: Any) -> Conditions:
    return ASKED.model_copy(update=changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"nodes": ("node-fi",)}, {"nodes": ("node-fi",)}),
        ({"datasets": ("other",)}, {"datasets": ("other",)}),
        ({"purposes": (PURPOSE,)}, {"purposes": (PURPOSE,)}),
        ({"runs": "1"}, {"runs_per_node": 1}),
        ({"rho_job": "0.000000001"}, {"rho_per_job_nano": 1}),
        ({"rho_node": "0.1"}, {"rho_total_per_node_nano": 100_000_000}),
        ({"until": "2026-12-22"}, {"expires": (NOW + timedelta(days=29)).replace(hour=23, minute=59, second=59)}),
    ],
)
def test_each_condition_can_be_made_narrower(changes: Any, expected: Any) -> None:
    chosen = read_terms(terms(**changes), ASKED)

    assert chosen == narrowed(**expected)
    check_not_wider(chosen, ASKED, NOW)
    assert len(describe_changes(chosen, ASKED)) == 1


def test_the_form_untouched_is_what_was_asked() -> None:
    assert read_terms(terms(narrower=False), ASKED) == ASKED
    assert describe_changes(ASKED, ASKED) == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "conditions-unchanged"),
        ({"narrower": False, "runs": "3"}, "conditions-changed"),
        ({"narrower": False, "nodes": ("node-fi",)}, "conditions-changed"),
        ({"nodes": ()}, "conditions-empty"),
        ({"datasets": ()}, "conditions-empty"),
        ({"purposes": ()}, "conditions-empty"),
        ({"nodes": ("<script>",)}, "document-malformed"),
        ({"runs": "0"}, "conditions-runs"),
        ({"runs": "-1"}, "conditions-runs"),
        ({"runs": "٣"}, "conditions-runs"),
        ({"runs": "9" * 5000}, "conditions-runs"),
        ({"rho_job": "NaN"}, "conditions-rho"),
        ({"rho_job": "1e-400000"}, "conditions-rho"),
        ({"rho_job": "0.0000000001"}, "conditions-rho"),
        ({"rho_node": ""}, "conditions-rho"),
        ({"until": "tomorrow"}, "conditions-until"),
        ({"until": "2026-02-30"}, "conditions-until"),
    ],
)
def test_forms_that_are_not_taken(changes: Any, code: str) -> None:
    with pytest.raises(SafeconductError) as refusal:
        read_terms(terms(**changes), ASKED)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"nodes": ("node-fi", "node-no")},
        {"datasets": ("everything",)},
        {"purposes": ("DUO:0000042", PURPOSE)},
        {"runs_per_node": 5},
        {"rho_per_job_nano": 31_250_001},
        {"rho_total_per_node_nano": 125_000_001},
        {"expires": ASKED.expires + timedelta(seconds=1)},
        {"runs_per_node": 1, "nodes": ("node-no",)},
    ],
)
def test_anything_wider_is_refused(changes: Any) -> None:
    with pytest.raises(SafeconductError) as refusal:
        check_not_wider(narrowed(**changes), ASKED, NOW)
    assert refusal.value.code == "conditions-wider"


def test_conditions_that_are_over_are_refused() -> None:
    with pytest.raises(SafeconductError) as refusal:
        check_not_wider(narrowed(expires=NOW), ASKED, NOW)
    assert refusal.value.code == "conditions-over"


def test_a_node_permits_nothing_under_narrower_conditions_that_it_would_refuse_under_the_asked_ones() -> None:
    """Every small change of every condition, and orders at the borders of both."""
    small = build(Conditions, WORLD.conditions())
    changed = [
        small.model_copy(update={name: value})
        for name, values in {
            "nodes": [("node-fi",), ("node-es",), ("node-es", "node-fi")],
            "datasets": [("cohort-fi",), ("other",)],
            "purposes": [(PURPOSE,), ("DUO:0000042",)],
            "rho_per_job_nano": [31_250_000, 31_249_999, 31_250_001],
            "rho_total_per_node_nano": [125_000_000, 1, 125_000_001],
            "expires": [small.expires, NOW + timedelta(days=1), small.expires + timedelta(days=1)],
        }.items()
        for value in values
    ]
    amounts = (1, 31_249_999, 31_250_000, 31_250_001)
    orders = [
        WORLD.order(node=node, dataset=dataset, purpose=purpose, rho=[{"output": "log_odds_ratio", "nano": nano}])
        for node, dataset, purpose, nano in itertools.product(
            ("node-fi", "node-es"), ("cohort-fi", "other"), (PURPOSE, "DUO:0000042"), amounts
        )
    ]
    kept = 0
    for chosen in changed:
        if not passes(lambda chosen=chosen: check_not_wider(chosen, small, NOW)):
            continue
        kept += 1
        for order, moment in itertools.product(orders, (NOW, small.expires)):
            if passes(lambda c=chosen, o=order, m=moment: check_permits(c, o, m)):
                check_permits(small, order, moment)
    assert kept > 6


def passes(check: Any) -> bool:
    try:
        check()
    except (Refused, SafeconductError):
        return False
    return True
