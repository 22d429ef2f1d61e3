"""A plan is made from public facts, and every fact that would make a release unsafe has a code of its own."""

import math
import re
from decimal import Decimal
from typing import Any

import pytest
from factory import World
from gate_plans import facts

from protocol.documents.algorithm import OutputSpec
from sandbox.domain import plan_checks
from sandbox.domain.dataset import Unit
from sandbox.domain.plan import GatePlan, make_gate_plan
from sandbox.errors import Refused
from sandbox.gate.bought import parts_away

MEDIAN = {
    "name": "x",
    "kind": "number",
    "range": ["-3", "3"],
    "default": "0",
    "spread": "0.35",
    "aggregator": "median",
}
SUM = {"name": "x", "kind": "number", "range": ["0", "2"], "default": "0", "aggregator": "sum"}
COUNT = SUM | {"kind": "count", "aggregator": "count"}
VOTE = {
    "name": "x",
    "kind": "category",
    "categories": ["low", "middle", "high"],
    "default_category": "middle",
    "aggregator": "vote",
}
HISTOGRAM = VOTE | {"aggregator": "histogram"}
UNIT: dict[str, Any] = {"algorithm": {"mode": "unit", "outputs": [SUM]}, "order": {"blocks": 0}}


def plan(
    algorithm: dict[str, Any] | None = None,
    order: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    dataset: dict[str, Any] | None = None,
) -> GatePlan:
    world = World()
    rho = [{"output": "x", "nano": 31_250_000}]
    return make_gate_plan(
        world.algorithm(**{"outputs": [MEDIAN]} | (algorithm or {})),
        world.order(**{"rho": rho} | (order or {})),
        world.policy(**(policy or {})),
        facts(**(dataset or {})),
    )


def unit(**changes: Any) -> dict[str, Any]:
    return {"algorithm": {"mode": "unit", "outputs": [SUM | changes]}, "order": {"blocks": 0}}


def many(count: int) -> dict[str, Any]:
    names = [f"x{i}" for i in range(count)]
    return {
        "algorithm": {"outputs": [MEDIAN | {"name": name} for name in names]},
        "order": {"rho": [{"output": name, "nano": 31_250_000 // count} for name in names]},
    }


def with_interval(interval_nano: int, blocks: int = 256) -> dict[str, Any]:
    share = {"output": "x", "nano": 31_250_000, "interval_nano": interval_nano}
    return {
        "order": {"rho": [share], "blocks": blocks},
        "policy": {"job_cap_nano": 10**9},
        "dataset": {"people": 80 * blocks},
    }


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("gate-mode-reviewed", {"algorithm": {"mode": "reviewed"}}),
    ("gate-mode-airlock", {"algorithm": {"mode": "airlock"}}),
    ("gate-family-size", {"policy": {"maximum_family_size": 3}}),
    ("gate-delta", {"dataset": {"people": 100_001}}),
    ("gate-delta", {"policy": {"delta": "0.00001"}}),
    ("gate-candidates", {"policy": {"candidates": 2}}),
    ("gate-candidates", {"policy": {"candidates": 100_001}}),
    ("gate-blocks", {"order": {"blocks": 31}}),
    ("gate-blocks", {"order": {"blocks": 0}, "policy": {"blocks_minimum": 1}}),
    ("gate-blocks", UNIT | {"order": {"blocks": 128}}),
    ("gate-blocks-too-small", {"dataset": {"people": 80 * 128 - 1}}),
    ("gate-blocks-too-small", {"policy": {"block_people_minimum": 94}}),
    ("gate-too-many-outputs", many(5)),
    ("gate-outputs", {"order": {"rho": [{"output": "y", "nano": 31_250_000}]}}),
    ("gate-outputs", {"order": {"rho": [{"output": "x", "nano": 10}, {"output": "x", "nano": 31_000_000}]}}),
    ("gate-outputs", {"order": {"rho": [{"output": "x", "nano": 10}, {"output": "y", "nano": 31_000_000}]}}),
    ("gate-aggregator", unit(aggregator="count")),
    ("gate-divisor", {"algorithm": {"outputs": [MEDIAN | {"divide_by": "people"}]}}),
    ("gate-divisor", {"algorithm": {"outputs": [VOTE | {"divide_by": "people"}]}}),
    ("gate-divisor", UNIT | {"algorithm": {"mode": "unit", "outputs": [HISTOGRAM | {"divide_by": "alleles"}]}}),
    ("gate-range", {"algorithm": {"outputs": [MEDIAN | {"range_per": "person"}]}}),
    ("gate-range", {"algorithm": {"outputs": [MEDIAN | {"range": ["-3", "999999999999999999"]}]}}),
    ("gate-range", {"algorithm": {"outputs": [MEDIAN | {"range": ["-3", "0." + "0" * 39 + "1"]}]}}),
    ("gate-range", unit(kind="count", range=["0", "2.5"])),
    ("gate-default", unit(kind="count", default="0.5")),
    ("gate-spread", {"algorithm": {"outputs": [MEDIAN | {"spread": None}]}}),
    ("gate-median-resolution", {"order": {"rho": [{"output": "x", "nano": 31_249_999}]}}),
    (
        "gate-interval-resolution",
        {"order": {"rho": [{"output": "x", "nano": 31_250_000, "interval_nano": 130_900_000}]}},
    ),
    ("gate-interval", unit() | {"order": {"blocks": 0, "rho": [{"output": "x", "nano": 9, "interval_nano": 10**9}]}}),
    (
        "gate-vote-resolution",
        {"algorithm": {"outputs": [VOTE]}, "order": {"rho": [{"output": "x", "nano": 1_809_000}]}},
    ),
    ("budget-job", {"policy": {"job_cap_nano": 31_249_999}}),
]


@pytest.mark.parametrize(("code", "changes"), REFUSED)
def test_plan_is_refused_for_its_own_reason(code: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        plan(**changes)

    assert refused.value.code == code
    assert refused.value.sentence


def test_share_of_nothing_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        plan_checks.check_share("x", 0)

    assert refused.value.code == "gate-share"


@pytest.mark.parametrize(
    ("code", "categories", "default"),
    [
        ("gate-categories", ("a",), "a"),
        ("gate-categories", ("a", "a"), "a"),
        ("gate-categories", tuple(map(str, range(257))), "0"),
        ("gate-default", ("a", "b"), "c"),
        ("gate-default", ("a", "b"), None),
    ],
)
def test_unfit_categories_are_refused_though_protocol_did_so_before(
    code: str, categories: tuple[str, ...], default: str | None
) -> None:
    with pytest.raises(Refused) as refused:
        plan_checks.check_categories("x", categories, default)

    assert refused.value.code == code


@pytest.mark.parametrize(("mode", "spec"), [("unit", HISTOGRAM), ("block", VOTE)])
def test_aggregator_of_another_mode_is_refused_though_protocol_did_so_before(
    mode: plan_checks.Mode, spec: dict[str, Any]
) -> None:
    other: plan_checks.Mode = "unit" if mode == "block" else "block"
    output = OutputSpec.model_validate(spec)

    assert plan_checks.check_aggregator(mode, output) == spec["aggregator"]
    with pytest.raises(Refused) as refused:
        plan_checks.check_aggregator(other, output)

    assert refused.value.code == "gate-aggregator"


def test_table_of_codes_is_the_table_of_cases() -> None:
    written = set(re.findall(r"^((?:gate|budget)-[a-z-]+) ", plan_checks.__doc__ or "", re.MULTILINE))

    assert written == {code for code, _ in REFUSED} | {"gate-share", "gate-categories", "gate-statistic-time"}


def test_more_outputs_than_anyone_may_ask_for_are_refused() -> None:
    names = [f"x{i}" for i in range(plan_checks.OUTPUTS_MAXIMUM + 1)]

    with pytest.raises(Refused) as refused:
        plan_checks.check_names(names, names)

    assert refused.value.code == "gate-too-many-outputs"


@pytest.mark.parametrize(("count", "blocks"), [(1, 128), (4, 256), (16, 512)])
def test_medians_are_planned_up_to_the_rule_and_no_further(count: int, blocks: int) -> None:
    shares = [31_250_000 // count] * count

    plan_checks.check_medians(shares, blocks)

    with pytest.raises(Refused):
        plan_checks.check_medians(shares, blocks - 1)


@pytest.mark.parametrize("categories", [2, 3, 10, 256])
@pytest.mark.parametrize("blocks", [32, 128, 1024])
def test_vote_of_all_blocks_wins_where_it_is_planned(categories: int, blocks: int) -> None:
    least = next(share for share in range(1, 10**9, 10**4) if not is_refused(share, blocks, categories))
    scale = math.sqrt(10**9 / (2 * least))

    lost = (categories - 1) * math.exp(-blocks / scale)

    assert 0.0002 < lost <= 0.001


def test_interval_is_sold_from_the_least_price_that_its_refusal_names() -> None:
    with pytest.raises(Refused) as refused:
        plan(**with_interval(1))
    named = re.search(r"needs (\d+) nano-rho", refused.value.sentence)
    assert named is not None
    least = int(named[1])

    made = plan(**with_interval(least))

    assert (made.outputs[0].interval_nano, made.rho_nano) == (least, 31_250_000 + least)
    with pytest.raises(Refused):
        plan(**with_interval(least - 1))


def test_interval_over_a_handful_of_blocks_is_not_sold_at_any_price() -> None:
    with pytest.raises(Refused) as refused:
        plan_checks.check_interval("x", "median", 10**15, 4)

    assert refused.value.code == "gate-interval-resolution"
    assert "no nano-rho" in refused.value.sentence


@pytest.mark.parametrize("blocks", [8, 32, 64, 128, 256, 1000, 10_000])
def test_ends_of_an_interval_that_is_sold_stay_away_from_the_ends_of_the_blocks(blocks: int) -> None:
    least = next(2 * share for share in (int(1.01**i) for i in range(1, 4000)) if is_sold(2 * share, blocks))
    epsilon = math.sqrt(8 * (least // 2) / 1e9)

    away = parts_away(blocks, least // 2) / 1024

    assert away < 0.5
    assert blocks * epsilon * (0.5 - away) >= 32 - blocks * epsilon / 1024


def is_sold(interval_nano: int, blocks: int) -> bool:
    try:
        plan_checks.check_interval("x", "median", interval_nano, blocks)
    except Refused:
        return False
    return True


def is_refused(share: int, blocks: int, categories: int) -> bool:
    try:
        plan_checks.check_vote("x", share, blocks, categories)
    except Refused:
        return True
    return False


@pytest.mark.parametrize(("mode", "spec"), [("block", VOTE), ("unit", HISTOGRAM)])
def test_categories_are_planned_as_places_in_their_list(mode: str, spec: dict[str, Any]) -> None:
    order = {"blocks": 0} if mode == "unit" else {}

    output = plan({"mode": mode, "outputs": [spec]}, order).outputs[0]

    assert output.categories == ("low", "middle", "high")
    assert (output.low, output.high, output.default, output.decimals, output.whole) == (0, 2, 1, 0, True)


def test_plan_carries_what_was_signed() -> None:
    made = plan()

    assert (made.mode, made.blocks, made.people, made.rho_nano) == ("block", 128, 12_000, 31_250_000)
    assert made.outputs[0].fixed(Decimal(3)) - made.outputs[0].fixed(Decimal(-3)) >= 10**6


def test_range_per_person_is_widened_to_the_largest_family() -> None:
    made = plan(**unit(range_per="person", divide_by="alleles"))

    assert (made.outputs[0].low, made.outputs[0].high, made.outputs[0].divisor) == (0, 8, 24_000)


def test_unit_is_the_datasets_own() -> None:
    made = plan(dataset={"unit": Unit.PERSON, "maximum_family_size": 1})

    assert (made.unit, made.maximum_family_size) == (Unit.PERSON, 1)


def test_unit_mode_runs_the_public_number_of_slots() -> None:
    assert plan(**UNIT).blocks == 5_000


def test_count_is_summed_in_whole_numbers() -> None:
    made = plan(**unit(kind="count", aggregator="count"))

    assert (made.outputs[0].decimals, made.outputs[0].whole) == (0, True)


def test_each_item_of_a_parameter_is_an_output() -> None:
    variants = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    schema = {
        "type": "object",
        "properties": {"variants": variants},
        "required": ["variants"],
        "additionalProperties": False,
    }
    algorithm = {"mode": "unit", "outputs": [SUM | {"each": "variants"}], "parameters": schema}
    names = ["rs7903146", "10:112998590:C:T"]
    order = {
        "blocks": 0,
        "parameters": {"variants": names},
        "rho": [{"output": name, "nano": 1000} for name in reversed(names)],
    }

    assert [output.name for output in plan(algorithm, order).outputs] == names


def test_narrow_range_keeps_a_million_steps() -> None:
    made = plan({"outputs": [MEDIAN | {"range": ["0.001", "0.002"], "default": "0.001", "spread": "0.0001"}]})

    assert made.outputs[0].decimals == 9


@pytest.mark.parametrize(
    ("code", "low", "high", "default"),
    [("gate-range", 1, 1, 1), ("gate-range", 2, 1, 1), ("gate-default", 0, 1, 2), ("gate-default", 0, 1, -1)],
)
def test_range_without_room_or_without_its_default_is_refused(code: str, low: int, high: int, default: int) -> None:
    with pytest.raises(Refused) as refusal:
        plan_checks.check_range("x", Decimal(low), Decimal(high), Decimal(default))
    assert refusal.value.code == code
