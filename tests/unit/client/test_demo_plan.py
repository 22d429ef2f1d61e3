"""The demo's programmes and how it judges answers: by the noise that the release states, at a stated rate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from factory import World

from client.commands.demo_genomes import programme, with_variants
from client.commands.demo_plan import NodePlan, median_rho_nano, synthetic
from client.commands.demo_truth import allowed_misses, is_inside, is_near, truths
from client.errors import UsageProblem
from protocol.documents.policy import Policy
from protocol.documents.release import Release
from protocol.documents.strict import build


def test_median_share_is_the_least_that_the_rule_allows() -> None:
    assert median_rho_nano(128) == 31_250_000
    for blocks in (32, 64, 100, 128, 1000):
        share = median_rho_nano(blocks)
        assert 8 * share * blocks**2 >= 4096 * 10**9 > 8 * (share - 1) * blocks**2


def test_synthetic_programme_is_what_the_issue_asks_for() -> None:
    found = synthetic(12_000, 128)

    association = found.running("association")
    assert [(p.country, p.cohort.people, p.blocks, p.rho_nano) for p in association] == [
        (country, 12_000, 128, 31_250_000) for country in ("FI", "ES", "IT")
    ]
    assert {plan.timing for plan in association} == {"immediate"}
    (clinic,) = found.running("allele_frequency")
    assert (clinic.timing, clinic.blocks) == ("padded", 0)
    assert len({plan.node for plan in found.nodes}) == 4


def test_synthetic_programme_with_blocks_too_small_is_refused() -> None:
    with pytest.raises(UsageProblem):
        synthetic(12_000, 256)


def test_every_policy_is_one_that_a_holder_could_sign() -> None:
    for plan in synthetic(12_000, 128).nodes:
        added = {"holder": plan.holder, "node": plan.node, "version": 1, "policy_set_digest": "0" * 64}
        policy = build(Policy, {**added, **plan.policy()})
        assert policy.job_cap_nano <= policy.project_cap_nano <= policy.dataset_cap_nano <= policy.pool_cap_nano


@pytest.fixture
def published(tmp_path: Path) -> Path:
    rows = [
        f"{population}{n}\t{population}\tEUR\tmale" for population in ("FIN", "GBR", "IBS", "TSI") for n in range(3)
    ]
    (tmp_path / "people.panel").write_text("\n".join(["sample\tpop\tsuper_pop\tgender", *rows, ""]))
    (tmp_path / "some.vcf.gz").touch()
    return tmp_path


def test_genome_programme_asks_four_populations_for_every_site(published: Path, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    cohort.mkdir()
    (cohort / "sites.tsv").write_text("CHROM\tPOS\tID\tREF\tALT\n21\t5\trs1\tA\tC\n21\t9\t.\tG\tT\n")

    plain = programme(published)
    found = with_variants(plain, {plan.cohort: cohort for plan in plain.nodes})

    assert [plan.node for plan in found.nodes] == ["node-fin", "node-gbr", "node-ibs", "node-tsi"]
    assert [plan.cohort.people for plan in found.nodes] == [3, 3, 3, 3]
    assert {tuple(plan.parameters["variants"]) for plan in found.nodes} == {("rs1", "21:9:G:T")}


def test_genome_programme_without_the_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as refused:
        programme(tmp_path / "nowhere")

    assert refused.value.code == "genomes-missing"


def release(mode: str, low: str, high: str, error: str | None) -> Release:
    world = World()
    order = world.order()
    output = {
        **world.release(order, "0" * 64).outputs[0].model_dump(),
        "noise_interval": {"low": low, "high": high, "level": "0.999", "covers": "c"},
        "standard_error": error,
    }
    return world.release(order, "0" * 64, mode=mode, outputs=[output])


@pytest.mark.parametrize(
    ("truth", "inside", "near"),
    [(0.3, True, True), (0.2, True, True), (0.41, False, True), (0.47, False, True), (0.49, False, False)],
)
def test_frequency_is_near_within_a_widened_noise_interval(truth: float, inside: bool, near: bool) -> None:
    found = release("unit", "0.2", "0.4", "0.03")

    assert is_inside(found.outputs[0], truth) is inside
    assert is_near(found.outputs[0], truth, found) is near


@pytest.mark.parametrize(("truth", "near"), [(0.3, True), (0.89, True), (0.91, False), (-0.31, False)])
def test_effect_is_near_within_noise_and_sampling(truth: float, near: bool) -> None:
    found = release("block", "0.2", "0.4", "0.1")

    assert is_near(found.outputs[0], truth, found) is near


def test_one_of_three_effects_may_miss_and_no_frequency() -> None:
    plans = synthetic(12_000, 128)

    assert allowed_misses(plans.running("association")[0], 3) == 1
    assert allowed_misses(plans.running("allele_frequency")[0], 100) == 0


def test_truths_are_read_for_what_a_plan_asks(tmp_path: Path) -> None:
    known: dict[str, Any] = {
        "variants": [
            {"id": name, "site": f"1:{n}:A:C", "frequency": n / 10}
            for n, name in enumerate(("rs4988235", "rs12913832", "rs1801133"), start=1)
        ],
        "effects": [
            {"diagnosis": "E10", "variant": "rs7903146", "log_odds_ratio": 9},
            {"diagnosis": "E11", "variant": "rs7903146", "log_odds_ratio": 0.3148},
        ],
    }
    (tmp_path / "truth.json").write_text(json.dumps(known))

    def of(plan: NodePlan) -> dict[str, float]:
        return truths(plan, tmp_path)

    association, *_, clinic = synthetic(12_000, 128).nodes
    assert of(association) == {"log_odds_ratio": 0.3148}
    assert of(clinic) == {"rs4988235": 0.1, "rs12913832": 0.2, "rs1801133": 0.3}
