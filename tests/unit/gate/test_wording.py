"""A release names what its claim rests on."""

from decimal import Decimal

import pytest
from gate_plans import gate_plan, output_plan

from sandbox.domain.dataset import Unit
from sandbox.gate import assumptions
from sandbox.gate.wording import is_wide

WIDE = {"low": Decimal(-300), "high": Decimal(300)}


def said(**changes: object) -> str:
    return " ".join(assumptions(gate_plan(**changes), timing="padded", profile="strict"))


def test_immediate_timing_is_a_condition_of_the_claim() -> None:
    sentences = assumptions(gate_plan(), timing="immediate", profile="standard")

    assert any("conditional on no timing channel" in sentence for sentence in sentences)
    assert any("given no kernel-state channel" in sentence for sentence in sentences)


def test_padded_and_strict_claim_more() -> None:
    assert "conditional" not in said()


@pytest.mark.parametrize(("unit", "word"), [(Unit.FAMILY, "one family"), (Unit.PERSON, "one person")])
def test_protected_unit_is_named(unit: Unit, word: str) -> None:
    assert word in said(unit=unit)


def test_public_number_of_people_is_named() -> None:
    assert "N = 12000" in said()


@pytest.mark.parametrize(
    ("changes", "rho_nano", "wide"),
    [(WIDE, 31_250_000, True), (WIDE, 70_312_500, False), ({}, 31_250_000, False)],
)
def test_wide_range_with_little_rho_is_warned_about(changes: dict[str, Decimal], rho_nano: int, wide: bool) -> None:
    output = output_plan(rho_nano=rho_nano, **changes)

    assert is_wide(gate_plan(output), output) is wide
    assert ("Warning" in " ".join(assumptions(gate_plan(output), timing="padded", profile="strict"))) is wide


def test_unknown_timing_is_not_glossed_over() -> None:
    with pytest.raises(KeyError):
        assumptions(gate_plan(), timing="whenever", profile="strict")
