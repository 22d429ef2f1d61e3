"""What a statistic measures, how one unit is bounded, and how far it can move the answer: from public facts alone."""

from typing import Any

import pytest
from factory import World
from gate_plans import facts
from statistic_specs import STATISTICS, statistic

from sandbox.domain.dataset import Unit
from sandbox.domain.plan import GatePlan, make_gate_plan
from sandbox.domain.statistic import StatisticPlan, variants_of
from sandbox.errors import Refused

WORLD = World()
SPECS = {one["name"]: one for one in STATISTICS}
VARIANTS = ["rs7903146", "rs4988235"]
FAMILY = 4
MILLION = 10**6


def plan_of(*specs: dict[str, Any], shares: dict[str, int] | None = None, **changes: Any) -> GatePlan:
    """The plan of an order of these statistics for two variants, with changes to the public facts or the order."""
    columns = sorted({name for spec in specs for name in columns_of(spec)})
    inputs = {"variants": any("variants" in spec for spec in specs), "columns": columns}
    algorithm = statistic(statistics=list(specs), inputs=inputs)
    more = {"interval_nano": changes.pop("interval_nano", 0)}
    named = shares or {spec["name"]: 1_000_000 for spec in specs}
    rho = [{"output": name, "nano": nano, **more} for name, nano in named.items()]
    order = WORLD.order(rho=rho, parameters={"variants": changes.pop("variants", VARIANTS)}, blocks=0)
    order = order.model_copy(update={"blocks": changes.pop("blocks", 0)})
    policy = WORLD.policy(maximum_family_size=FAMILY, **changes.pop("policy", {}))
    return make_gate_plan(algorithm, order, policy, facts(**changes))


def columns_of(spec: dict[str, Any]) -> set[str]:
    conditions = [*spec.get("where", ()), *spec.get("cases", ()), *spec.get("controls", ())]
    return {one["column"] for one in conditions} | ({spec["column"]} if "column" in spec else set())


def one_plan(spec: dict[str, Any], **changes: Any) -> StatisticPlan:
    (found,) = plan_of(spec, **changes).statistics
    return found


def test_plan_of_statistics_has_no_chambers() -> None:
    plan = plan_of(*STATISTICS)

    assert (plan.mode, plan.blocks, plan.outputs) == ("statistic", 0, ())
    assert [one.spec.name for one in plan.statistics] == list(SPECS)
    assert plan.rho_nano == len(STATISTICS) * 1_000_000
    assert plan.released == 4 + 2 + 4
    assert variants_of(plan.statistics) == tuple(VARIANTS)


@pytest.mark.parametrize(
    ("spec", "sensitivity_squared", "divisor", "measured"),
    [
        (SPECS["women"], FAMILY**2, 12_000, 1),
        (SPECS["women"] | {"members": 1, "divide_by": "none"}, 1, 1, 1),
        (SPECS["women"] | {"members": 9}, FAMILY**2, 12_000, 1),
        (SPECS["bmi_sum"] | {"unit_range": None}, (FAMILY * 60 * MILLION // 10) ** 2, 1, 1),
        (SPECS["bmi_sum"], (120 * MILLION // 10) ** 2, 1, 1),
        (SPECS["bmi_sum"] | {"unit_range": ["-5", "1000"]}, (FAMILY * 60 * MILLION // 10) ** 2, 1, 1),
        (SPECS["bmi_sum"] | {"range": ["-10", "60"]}, (120 * MILLION // 10) ** 2, 1, 1),
        (SPECS["bmi_mean"], (2 * 50 * MILLION) ** 2, 12_000, 1),
        (SPECS["bmi_mean"] | {"unit_bound": "10"}, (2 * 10 * MILLION) ** 2, 12_000, 1),
        (SPECS["bmi_mean"] | {"unit_bound": "1000"}, (2 * 50 * MILLION) ** 2, 12_000, 1),
        (SPECS["ages"], 2 * FAMILY**2, 1, 3),
        (SPECS["ages"] | {"members": 1, "divide_by": "people"}, 2, 12_000, 3),
        (SPECS["frequency"], 2 * (2 * FAMILY) ** 2, 24_000, 2),
        (SPECS["frequency"] | {"unit_bound": "2"}, 2 * (2 * MILLION) ** 2, 24_000, 2),
        (SPECS["frequency"] | {"unit_bound": "11"}, 2 * (2 * FAMILY * MILLION) ** 2, 24_000, 2),
        (SPECS["frequency"] | {"unit_bound": "12"}, 2 * (2 * FAMILY) ** 2, 24_000, 2),
        (SPECS["diabetes"], 2 * FAMILY**2 * 2, 1, 12),
    ],
)
def test_statistic_is_bounded_as_declared(
    spec: dict[str, Any], sensitivity_squared: int, divisor: int, measured: int
) -> None:
    found = one_plan(spec)

    assert found.sensitivity_squared == sensitivity_squared
    assert (found.divisor, found.measured) == (divisor, measured)


def test_sensitivity_follows_the_signed_size_of_families() -> None:
    person = facts(unit=Unit.PERSON, maximum_family_size=1)
    alone = one_plan(SPECS["frequency"], unit=person.unit, maximum_family_size=1)

    assert alone.sensitivity_squared == 2 * 2**2
    assert one_plan(SPECS["frequency"]).sensitivity_squared == FAMILY**2 * alone.sensitivity_squared


def test_middle_of_a_mean_is_exact() -> None:
    found = one_plan(SPECS["bmi_mean"] | {"range": ["0", "0.001"]})

    assert found.clip.middle * 2 == found.clip.person_high - found.clip.person_low
    assert found.clip.person_high == -found.clip.person_low == 5 * 10 ** (found.clip.decimals - 4)


@pytest.mark.parametrize(
    ("code", "spec", "changes"),
    [
        ("gate-blocks", SPECS["women"], {"blocks": 1}),
        ("gate-outputs", SPECS["women"], {"shares": {"men": 1}}),
        ("gate-interval", SPECS["women"], {"interval_nano": 1}),
        ("gate-range", SPECS["bmi_sum"] | {"range": ["0", "1." + "0" * 17 + "1"]}, {}),
        ("gate-range", SPECS["bmi_mean"] | {"range": ["0", "9" * 18]}, {}),
        ("budget-job", SPECS["women"], {"shares": {"women": 31_250_001}}),
        ("gate-family-size", SPECS["women"], {"maximum_family_size": FAMILY + 1}),
    ],
)
def test_statistic_is_refused_on_public_facts(code: str, spec: dict[str, Any], changes: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refusal:
        plan_of(spec, **changes)

    assert refusal.value.code == code


def test_too_many_variants_for_one_release_are_refused() -> None:
    named = [f"rs{number}" for number in range(1025)]

    with pytest.raises(Refused) as refusal:
        plan_of(SPECS["frequency"], variants=named)

    assert refusal.value.code == "gate-too-many-outputs"


def test_statistic_that_outlasts_one_step_of_the_node_is_refused_with_the_way_out() -> None:
    """A million people: 500 variants are read in time, 600 are not; half of the people, and they are again."""
    many = {"policy": {"delta": "0.0000001"}, "people": MILLION, "slots": MILLION}
    named = [f"rs{number}" for number in range(600)]

    plan_of(SPECS["frequency"], variants=named[:500], **many)
    plan_of(SPECS["frequency"], variants=named, **many | {"people": MILLION // 2})
    with pytest.raises(Refused, match="order fewer variants") as refusal:
        plan_of(SPECS["frequency"], variants=named, **many)

    assert refusal.value.code == "gate-statistic-time"
