"""What the composer's page expects of noise is what the gate's own mechanisms make of it."""

from typing import Any

import pytest
from factory import World
from statistic_specs import STATISTICS, statistic

from protocol.documents.algorithm import Algorithm
from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.expected_noise import expected_noise
from protocol.documents.strict import build
from sandbox.actions.proposal import make_order
from sandbox.domain.plan import make_gate_plan
from sandbox.gate.accuracy import expected_error, expected_statistic
from tests.gate_plans import facts

WORLD = World()
#: Formulas that are the mechanism's own agree to the last digits; of a median the gate integrates more.
EXACT, MEDIAN = 1e-5, 0.12


def entry(**changes: Any) -> CatalogueEntry:
    known = facts()
    fields = {
        "dataset": "cohort-fi", "snapshot": "s", "country": "FI", "assembly": "GRCh38", "people": known.people,
        "slots": known.slots, "unit": "family", "maximum_family_size": known.maximum_family_size,
        "columns": [], "sites": None, "duo": [],
    }  # fmt: skip
    return build(CatalogueEntry, fields | changes)


def output(**changes: Any) -> dict[str, Any]:
    return WORLD.algorithm().outputs[0].model_dump(mode="json") | changes


def counted(**changes: Any) -> dict[str, Any]:
    changes = {"aggregator": "histogram", "kind": "category"} | changes
    return output(**changes, range=None, default=None, spread=None, categories=["A", "C"], default_category="A")


def unit(*outputs: dict[str, Any]) -> Algorithm:
    return WORLD.algorithm(mode="unit", outputs=list(outputs))


def block(*outputs: dict[str, Any]) -> Algorithm:
    return WORLD.algorithm(outputs=list(outputs))


def policy() -> Any:
    return WORLD.policy(job_cap_nano=10**9, maximum_family_size=facts().maximum_family_size)


def both(algorithm: Algorithm, blocks: int, rho_nano: int, parameters: dict[str, Any]) -> list[tuple[Any, Any]]:
    order = make_order(algorithm, parameters, blocks, rho_nano)
    plan = make_gate_plan(algorithm, order, policy(), facts())
    theirs = [expected_error(plan, one) for one in plan.outputs]
    theirs += [expected_statistic(plan, one) for one in plan.statistics]
    return list(zip(expected_noise(order, algorithm, entry()), theirs, strict=True))


@pytest.mark.parametrize(("blocks", "rho_nano"), [(64, 125_000_000), (128, 31_250_000), (128, 250_000_000)])
def test_median_is_as_the_gate_expects(blocks: int, rho_nano: int) -> None:
    ((ours, theirs),) = both(block(output()), blocks, rho_nano, {"variant": "rs1"})

    assert ours.noise == pytest.approx(theirs.noise, rel=MEDIAN)
    assert ours.total == pytest.approx(theirs.total, rel=MEDIAN)


@pytest.mark.parametrize(
    ("algorithm", "blocks"),
    [
        (block(output(aggregator="mean")), 128),
        (block(output(aggregator="mean", spread=None)), 64),
        (unit(output(aggregator="sum")), 0),
        (unit(output(aggregator="sum", range=["0", "2"], range_per="person", divide_by="alleles")), 0),
        (unit(output(aggregator="count", kind="count", range=["0", "1"], divide_by="people")), 0),
        (unit(counted()), 0),
        (unit(counted(divide_by="people")), 0),
    ],
)
def test_mean_sum_count_and_histogram_are_exactly_as_the_gate_expects(algorithm: Algorithm, blocks: int) -> None:
    for ours, theirs in both(algorithm, blocks, 31_250_000, {"variant": "rs1"}):
        assert ours.noise == pytest.approx(theirs.noise, rel=EXACT)
        assert (ours.total is None) == (theirs.total is None)
        if ours.total is not None:
            assert ours.total == pytest.approx(theirs.total, rel=EXACT)


@pytest.mark.parametrize(
    "changes", [{}, {"members": 1}, {"unit_bound": "3"}, {"divide_by": "people"}, {"unit_range": None}]
)
def test_every_statistic_is_exactly_as_the_gate_expects(changes: dict[str, Any]) -> None:
    specs = [_changed(one, changes) for one in STATISTICS]
    for ours, theirs in both(statistic(statistics=specs), 0, 300_000_000, {"variants": ["rs1", "rs2", "rs3"]}):
        assert ours.noise == pytest.approx(theirs.noise, rel=EXACT), ours.name
        assert ours.total is None or ours.total == pytest.approx(theirs.total, rel=EXACT)


def _changed(spec: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    known = {
        "unit_bound": ("mean", "allele_frequencies"),
        "divide_by": ("count", "sum", "histogram"),
        "unit_range": ("sum",),
    }
    return spec | {name: value for name, value in changes.items() if spec["kind"] in known.get(name, (spec["kind"],))}


def test_vote_has_no_error_and_a_median_without_spread_has_none_stated() -> None:
    vote = block(counted(aggregator="vote"), output(name="x", spread=None))
    order = make_order(vote, {"variant": "rs1"}, 128, 31_250_000)

    assert [one.noise for one in expected_noise(order, vote, entry())] == [None, None]
