"""Statistics: what an order of them asks for, and that it is believed without any image."""

from typing import Any

import pytest
from factory import NODE, NOW, World
from statistic_specs import STATISTICS, statistic

from protocol.chain import explain, verify_order
from protocol.documents.expansion import expand_statistics, priced_names
from protocol.errors import Refused

WORLD = World()
SPEC = statistic()
NAMES = [one["name"] for one in STATISTICS]
VARIANTS = {"variants": ["rs7903146", "1:1000:A:G"]}


def order_of(**changes: Any) -> dict[str, Any]:
    """An order of all statistics for two variants."""
    rho = [{"output": name, "nano": 1_000_000} for name in NAMES]
    return {"parameters": VARIANTS, "blocks": 0, "rho": rho} | changes


def check(**changes: Any) -> tuple[str, ...]:
    """What steps 1 to 6 say of an order of statistics."""
    fields = SPEC.model_dump(mode="json")
    bundle = WORLD.bundle(algorithm=fields, order=order_of(**changes))
    datasets = frozenset({WORLD.dataset})
    return verify_order(bundle, trust_root=WORLD.open_root(), node=NODE, datasets=datasets, now=NOW).priced


def test_order_of_statistics_is_believed_without_an_image() -> None:
    assert check() == tuple(NAMES)


def test_order_of_statistics_is_explained_without_an_image() -> None:
    bundle = WORLD.bundle(algorithm=SPEC.model_dump(mode="json"), order=order_of())

    steps = explain({"bundle.json": bundle.to_json()}, WORLD.open_root(), NOW)

    assert all(step.ok for step in steps)
    assert [step.name for step in steps][-1] == "order"


def test_order_of_statistics_in_blocks_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        check(blocks=128)

    assert refusal.value.code == "order-blocks"


def test_order_gives_a_share_to_each_statistic_not_to_each_number() -> None:
    with pytest.raises(Refused) as refusal:
        check(rho=[{"output": name, "nano": 1} for name in (*NAMES, "frequency/rs7903146")])

    assert refusal.value.code == "order-rho"


def test_subject_of_a_statistic_is_what_it_declares() -> None:
    (subject,) = SPEC.subjects()
    (other,) = statistic(statistics=[STATISTICS[0] | {"members": 1}, *STATISTICS[1:]]).subjects()

    assert subject.name == other.name == "statistics"
    assert subject.sha256 != other.sha256


def test_statistics_are_written_out_over_their_variants() -> None:
    expanded = expand_statistics(SPEC, dict(VARIANTS))

    assert [one.spec.name for one in expanded] == NAMES
    assert expanded[0].names == ("women",)
    assert expanded[4].variants == ("rs7903146", "1:1000:A:G")
    assert expanded[4].names == ("frequency/rs7903146", "frequency/1:1000:A:G")
    assert expanded[5].names[:2] == ("diabetes/rs7903146", "diabetes/rs7903146/log_odds_ratio")


def test_a_single_variant_may_be_a_text() -> None:
    text = {"type": "string", "maxLength": 110}
    schema = {"type": "object", "properties": {"variants": text}, "required": ["variants"]}
    algorithm = statistic(parameters=schema | {"additionalProperties": False})

    assert expand_statistics(algorithm, {"variants": "rs1"})[4].names == ("frequency/rs1",)


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ([], "nothing is asked"),
        (["rs1 rs2"], "an item is no name"),
        (["rs" + "1" * 190], "a released name is too long"),
        ([f"rs{number}" for number in range(1400)], "more than a release may hold"),
        (["rs1", "rs1/log_odds_ratio"], "two released names clash"),
        (7, "the parameter is no text"),
    ],
)
def test_statistics_that_cannot_be_released_are_refused(named: Any, why: str) -> None:
    with pytest.raises(Refused) as refusal:
        priced_names(SPEC, {"variants": named})

    assert refusal.value.code == "order-outputs", why


def test_every_statistic_says_in_words_what_is_released() -> None:
    said = [one.in_words() for one in SPEC.statistics]

    assert said == [
        "the number of people with sex female, as a share of the public number of people",
        "the sum of bmi from 10 to 60",
        "the mean of bmi from 10 to 60, over the public number of people",
        "the numbers of people by age ([0, 40), [40, 60), [60, 131))",
        "the ALT allele frequency of each of variants",
        (
            "cases (dx_e11 1) and controls (dx_e11 0 and age of at least 40) by genotype of each of variants, and the "
            "allelic odds ratio"
        ),
    ]
