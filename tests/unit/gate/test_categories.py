"""Votes and histograms: what is counted, what is claimed, and what each trap of the library would have cost."""

import math
from decimal import Decimal

import numpy as np
import pytest
from gate_plans import category_plan, gate_plan, raw
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_noisy_max
from opendp.measures import zero_concentrated_divergence
from opendp.metrics import linf_distance, symmetric_distance
from opendp.transformations import make_count_by_categories

from protocol.documents.release import ReleasedCategory, ReleasedHistogram
from sandbox.domain.plan import OutputPlan
from sandbox.errors import GateBroken
from sandbox.gate import categories, library, release
from sandbox.gate.releasing_categories import lead_needed

PLENTY = 10**15


def one(output: OutputPlan, named: list[str]) -> ReleasedCategory | ReleasedHistogram:
    released = release(gate_plan(output, blocks=len(named)), [raw(x=category) for category in named])[0]
    assert isinstance(released, ReleasedCategory | ReleasedHistogram)
    return released


def voted(output: OutputPlan, named: list[str]) -> ReleasedCategory:
    released = one(output, named)
    assert isinstance(released, ReleasedCategory)
    return released


def counted(named: list[str], **changes: object) -> ReleasedHistogram:
    released = one(category_plan(**({"aggregator": "histogram", "rho_nano": PLENTY} | changes)), named)
    assert isinstance(released, ReleasedHistogram)
    return released


def test_score_called_monotonic_is_half_as_dear_in_the_library_and_charged_in_full_here() -> None:
    space = vector_domain(atom_domain(T="i64"), size=3), linf_distance(T="i64", monotonic=True)
    half = make_noisy_max(*space, zero_concentrated_divergence(), 2.0)
    assert half.map(1) == 0.03125

    vote = categories.vote(3, 128, 125_000_000)

    assert vote.scale == pytest.approx(2.0, rel=1e-9)
    assert vote.rho_nano == 125_000_000


def test_replaced_unit_is_two_apart_in_the_librarys_counting_and_root_two_here() -> None:
    domain = vector_domain(atom_domain(T="i64"), size=5)
    counting = make_count_by_categories(
        domain, symmetric_distance(), [0, 1, 2], null_category=False, MO="L2Distance<f64>"
    )
    assert counting.map(2) == 2.0

    bars = categories.histogram(3, 5, 10**9)

    assert bars.scale == pytest.approx(1.0, rel=1e-9)
    assert bars.rho_nano == 10**9


@pytest.mark.parametrize("square", [1, 2, 3, 4, 7, 10**6, 2**52 + 1, 2**60 + 1])
def test_root_is_never_below_the_true_one(square: int) -> None:
    root = library.root_above(square)

    assert root.as_integer_ratio()[0] ** 2 >= square * root.as_integer_ratio()[1] ** 2
    assert root == pytest.approx(math.sqrt(square), rel=1e-15)


def test_vector_that_nobody_moves_is_our_own_fault() -> None:
    with pytest.raises(GateBroken) as broken:
        library.noisy_vector(0, 10, 3, 0, 10**9)

    assert broken.value.code == "gate-map"


def test_wrong_number_of_scores_is_answered_by_the_library_and_refused_here() -> None:
    vote = categories.vote(3, 128, 10**9)
    assert vote.measurement([1, 2, 3, 4, 1000]) == 4

    with pytest.raises(GateBroken) as refused:
        vote.invoke(np.array([1, 2, 3, 4, 1000]))

    assert refused.value.code == "gate-length"


def test_wrong_number_of_bars_is_answered_by_the_library_and_refused_here() -> None:
    bars = categories.histogram(3, 128, 10**9)
    assert len(bars.measurement([1, 2])) == 2

    with pytest.raises(GateBroken) as refused:
        bars.invoke_vector(np.array([1, 2]))

    assert refused.value.code == "gate-length"


@pytest.mark.parametrize(
    ("code", "column"),
    [
        ("gate-finite", np.array([0.0, 1.0, 2.0])),
        ("gate-length", np.array([0, 1])),
        ("gate-domain", np.array([0, 1, 3])),
        ("gate-domain", np.array([0, 1, -1])),
    ],
)
def test_answers_that_are_no_places_are_not_counted(code: str, column: categories.Column) -> None:
    with pytest.raises(GateBroken) as refused:
        categories.tally(column, 3, 3)

    assert refused.value.code == code


def test_every_answer_is_counted_once() -> None:
    assert categories.tally(np.array([2, 0, 2, 2]), 4, 4).tolist() == [1, 0, 3, 0]


def test_vote_releases_what_most_blocks_name() -> None:
    assert voted(category_plan(rho_nano=PLENTY), ["low", "high", "high"]).category == "high"


def test_block_without_answer_votes_for_the_default() -> None:
    plan = gate_plan(category_plan(rho_nano=PLENTY), blocks=5)

    released = release(plan, [raw(x="high"), raw(x="high"), None, raw(x="unheard of"), b"bad"])[0]

    assert isinstance(released, ReleasedCategory)
    assert released.category == "middle"


def test_tied_vote_is_released_either_way() -> None:
    output = category_plan(rho_nano=PLENTY)

    assert {voted(output, ["low", "high"]).category for _ in range(60)} == {"low", "high"}


@pytest.mark.parametrize("count", [2, 3, 40])
def test_lead_that_is_claimed_wins_at_its_level(count: int) -> None:
    scale = categories.vote(count, 1000, 31_250_000).scale
    lead = lead_needed(scale, count)

    def wins(votes: int) -> float:
        return 1 / (1 + (count - 1) * math.exp(-votes / scale))

    assert wins(lead) >= 0.999 > wins(lead - 1)


def test_vote_says_which_lead_is_safe() -> None:
    lead = lead_needed(categories.vote(3, 200, 31_250_000).scale, 3)

    assert f"at least {lead} of the 200 blocks' votes" in voted(category_plan(), ["low"] * 200).claim


def test_histogram_counts_each_category() -> None:
    bars = counted(["low"] * 3 + ["high"] * 5 + ["unheard of"] * 2).bars

    assert [(bar.category, round(bar.value)) for bar in bars] == [("low", 3), ("middle", 2), ("high", 5)]


def test_histogram_is_divided_after_the_noise() -> None:
    bars = counted(["low"] * 3 + ["high"] * 5, divisor=10).bars

    assert [float(bar.value) for bar in bars] == pytest.approx([0.3, 0.0, 0.5], abs=1e-3)


def test_bars_intervals_hold_noise_and_sampling() -> None:
    released = counted(["low"] * 900 + ["high"] * 100, rho_nano=10**9)  # the deviation is 1

    bar = released.bars[2]

    assert released.scale == pytest.approx(Decimal(1), rel=Decimal("0.001"))
    assert float(bar.noise_high - bar.noise_low) / 2 == pytest.approx(3, abs=0.1)
    assert float(bar.standard_error) == pytest.approx(math.hypot(1, math.sqrt(1000 * 0.1 * 0.9)), rel=0.05)
    assert float(bar.total_high - bar.total_low) / 2 == pytest.approx(1.96 * float(bar.standard_error), rel=0.01)


def test_histogram_says_where_empty_slots_count() -> None:
    assert "count as 'middle'" in counted(["low"]).noise.covers
