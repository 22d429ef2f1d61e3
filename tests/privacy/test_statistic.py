"""Audits of statistics on their worst neighbours, from the units to the released numbers; and planted bugs.

The whole path is audited: one family is replaced, its contribution is clipped and added up, noise is drawn. What is
watched is the direction in which the two neighbours differ, which tells them apart best. Each audit raises a false
alarm at most once in 10^7 runs; a planted bug escapes more rarely than that.
"""

from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import pytest
from audit import audited_mu
from statistic_people import Person, Units, people_of, plan_of

from sandbox.data.statistic import measure
from sandbox.domain.statistic import StatisticPlan
from sandbox.gate.statistic import mechanism_of

RUNS = 2_500
FAMILY = 3
LARGE = 60  # a count moves by whole people: only a large family makes its noise fine enough to look Normal
NANO = 8 * 10**9  # mu = 4: there errors show best
DECLARED = sqrt(2 * NANO / 1e9)
OTHERS: Units = [[Person(sex="female", bmi="20", calls=("0/1", "0/0", "1/1"))]]
ENDS: dict[str, tuple[dict[str, Any], Person, Person]] = {
    "count": ({"name": "n", "kind": "count"}, Person(), Person()),
    "mean": (
        {"name": "m", "kind": "mean", "column": "bmi", "range": ["10", "60"]},
        Person(bmi="60"),
        Person(bmi="10"),
    ),
    "frequencies": (
        {"name": "f", "kind": "allele_frequencies", "variants": "variants"},
        Person(calls=("1/1",) * 3),
        Person(),
    ),
    "frequencies-short": (
        {"name": "f", "kind": "allele_frequencies", "variants": "variants", "unit_bound": "3"},
        Person(calls=("1/1", "0/0", "0/0")),
        Person(calls=("0/0", "1/1", "0/0")),
    ),
    "table": (
        {
            "name": "t",
            "kind": "genotype_table",
            "variants": "variants",
            "cases": [{"column": "sex", "values": ["female"]}],
            "controls": [{"column": "sex", "values": ["male"]}],
        },
        Person(sex="female", calls=("1/1",) * 3),
        Person(sex="male", calls=("0/0",) * 3),
    ),
}


def planned(kind: str, family: int | None = None) -> StatisticPlan:
    """The plan of one statistic, for the families that are audited or others."""
    return plan_of(ENDS[kind][0], family=family or family_of(kind), nano=NANO, variants=("rs100", "rs200"))


def family_of(kind: str) -> int:
    return LARGE if kind == "count" else FAMILY


def distance(kind: str, plan: StatisticPlan, noise: StatisticPlan, runs: int) -> float:
    """Audit what `plan` measures under the noise that `noise` asks for: its own, or that of a planted bug."""
    _, one, other = ENDS[kind]
    members = family_of(kind)
    after = [] if kind == "count" else [other] * members  # a family that leaves, or becomes another one
    first = measure(people_of([*OTHERS, [one] * members]), plan)
    second = measure(people_of([*OTHERS, after]), plan)
    direction = (first - second) / np.linalg.norm(first - second)
    middle = float(direction @ (first + second) / 2)
    draw = mechanism_of(noise).measurement
    return audited_mu(
        lambda: bool(direction @ np.asarray(draw(first)) > middle),
        lambda: bool(direction @ np.asarray(draw(second)) > middle),
        bool,
        runs,
    )


@pytest.mark.parametrize("kind", ENDS)
def test_statistic_tells_neighbours_apart_no_better_than_declared(kind: str) -> None:
    plan = planned(kind)

    assert 0.75 * DECLARED <= distance(kind, plan, plan, RUNS) <= DECLARED


@pytest.mark.parametrize("kind", ["count", "mean", "frequencies", "table"])
def test_sensitivity_that_forgets_the_size_of_families_is_caught(kind: str) -> None:
    """The noise of persons under the contributions of families: three times the declared distance, or more."""
    plan = planned(kind)
    forgetful = replace(plan, sensitivity_squared=planned(kind, family=1).sensitivity_squared)

    assert distance(kind, plan, forgetful, 1_200) > DECLARED


def test_sensitivity_of_one_variant_for_two_is_caught() -> None:
    plan = planned("frequencies")
    forgetful = replace(plan, sensitivity_squared=plan.sensitivity_squared // 2)

    assert distance("frequencies", plan, forgetful, 4_000) > DECLARED
