"""What statistics measure, and that replacing one unit never moves it further than the plan says."""

from typing import Any

import numpy as np
import pytest
from cohorts import ingest_cohort, make_cohort
from hypothesis import given, settings
from hypothesis import strategies as st
from statistic_people import VARIANTS, Person, Units, gate_plan_of, measured, moved, people_of, plan_of

from sandbox.data.genotype import TEXT
from sandbox.data.statistic import check_request, measure, measure_all
from sandbox.errors import Refused

FAMILY = 3
WOMEN = {"name": "n", "kind": "count", "where": [{"column": "sex", "values": ["female"]}]}
OLDER = {"name": "n", "kind": "count", "where": [{"column": "age", "at_least": "40", "below": "60"}]}
SUM = {"name": "s", "kind": "sum", "column": "bmi", "range": ["10", "60"]}
MEAN = {"name": "m", "kind": "mean", "column": "bmi", "range": ["10", "60"]}
SMOKING = {"name": "h", "kind": "histogram", "column": "smoker", "categories": ["never", "former", "current"]}
AGES = {"name": "h", "kind": "histogram", "column": "age", "edges": ["0", "40", "60", "131"]}
FREQUENCY = {"name": "f", "kind": "allele_frequencies", "variants": "variants"}
TABLE = {
    "name": "t",
    "kind": "genotype_table",
    "variants": "variants",
    "cases": [{"column": "dx_e11", "values": ["1"]}],
    "controls": [{"column": "dx_e11", "values": ["0"]}, {"column": "age", "at_least": "20"}],
}
KINDS: dict[str, dict[str, Any]] = {
    "count": WOMEN,
    "count-bounds": OLDER,
    "count-everybody": {"name": "n", "kind": "count"},
    "count-one-member": WOMEN | {"members": 1},
    "sum": SUM,
    "sum-signed": SUM | {"range": ["-20", "30"], "members": 2},
    "sum-unit": SUM | {"unit_range": ["0", "45.5"]},
    "mean": MEAN,
    "mean-unit": MEAN | {"unit_bound": "7.25", "where": WOMEN["where"]},
    "histogram": SMOKING,
    "histogram-numbers": AGES | {"members": 2},
    "frequencies": FREQUENCY,
    "frequencies-short": FREQUENCY | {"unit_bound": "2.5"},
    "frequencies-shorter": FREQUENCY | {"unit_bound": "0.3", "members": 2},
    "table": TABLE,
    "table-members": TABLE | {"members": 2, "where": WOMEN["where"]},
}

_PERSON = st.builds(
    Person,
    sex=st.sampled_from(("female", "male", "unknown")),
    age=st.sampled_from(("", "0", "39", "40", "59", "60", "130")),
    bmi=st.sampled_from(("", "0.0", "10.0", "34.9", "35.0", "60.0", "1234567.0", "-500.0")),
    smoker=st.sampled_from(("", "never", "former", "current")),
    diagnoses=st.sampled_from(((), ("E119",), ("I10", "E78"), ("E11",))),
    calls=st.tuples(*[st.sampled_from(TEXT)] * len(VARIANTS)),
)
_UNIT = st.lists(_PERSON, max_size=FAMILY)


# Whatever the people are, one unit moves the measured numbers by no more than is declared and charged.


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(others=st.lists(_UNIT, max_size=3), before=_UNIT, after=_UNIT, at=st.integers(0, 3))
def test_replacing_a_unit_moves_no_more_than_declared(
    kind: str, others: Units, before: Any, after: Any, at: int
) -> None:
    plan = plan_of(KINDS[kind], family=FAMILY)
    place = min(at, len(others))

    def with_unit(unit: Any) -> Units:
        return [*others[:place], unit, *others[place:]]

    assert moved(with_unit(before), with_unit(after), plan) <= plan.sensitivity_squared
    assert moved(with_unit(before), others, plan) <= plan.sensitivity_squared


WORST: dict[str, tuple[Person, Person]] = {
    "count": (Person(sex="female"), Person()),
    "sum": (Person(bmi="60"), Person()),
    "sum-signed": (Person(bmi="30"), Person(bmi="-20")),
    "sum-unit": (Person(bmi="60"), Person()),
    "mean": (Person(bmi="60"), Person(bmi="10")),
    "mean-unit": (Person(bmi="60", sex="female"), Person(bmi="10", sex="female")),
    "histogram": (Person(smoker="never"), Person(smoker="current")),
    "histogram-numbers": (Person(age="1"), Person(age="50")),
    "frequencies": (Person(calls=("1/1",) * 3), Person()),
    "frequencies-short": (Person(calls=("1/1", "0/0", "0/0")), Person(calls=("0/0", "0/0", "1/1"))),
    "table": (Person(diagnoses=("E11",), calls=("1/1",) * 3), Person(age="30", calls=("0/0",) * 3)),
}


@pytest.mark.parametrize("kind", WORST)
def test_worst_neighbours_move_as_much_as_declared(kind: str) -> None:
    """The declared sensitivity is reached, so a smaller one would be wrong: no noise is wasted."""
    plan = plan_of(KINDS[kind], family=FAMILY)
    one, other = WORST[kind]

    reached = moved([[one] * FAMILY], [[other] * FAMILY], plan)

    assert reached == pytest.approx(plan.sensitivity_squared, rel=1e-5)
    assert reached <= plan.sensitivity_squared


@pytest.mark.parametrize("kind", ["count", "sum", "mean", "histogram", "frequencies", "table"])
def test_a_sensitivity_that_forgets_families_is_caught(kind: str) -> None:
    forgetful = plan_of(KINDS[kind], family=1)
    one, other = WORST[kind]

    apart = moved([[one] * FAMILY], [[other] * FAMILY], plan_of(KINDS[kind], family=FAMILY))

    assert apart >= 0.99 * FAMILY**2 * forgetful.sensitivity_squared


# What is measured.


def test_count_is_of_people_who_fulfil_the_conditions() -> None:
    units = [[Person(sex="female", age="39"), Person(sex="female", age="40")], [Person(sex="male", age="59.0")], []]

    assert measured(units, WOMEN).tolist() == [2]
    assert measured(units, WOMEN | {"members": 1}).tolist() == [1]
    assert measured(units, OLDER).tolist() == [2]
    assert measured(units, {"name": "n", "kind": "count"}).tolist() == [3]


def test_missing_values_fulfil_no_condition_and_add_nothing() -> None:
    units = [[Person(), Person(age="45", bmi="20")]]
    unknown_age = {"name": "n", "kind": "count", "where": [{"column": "age", "below": "200"}]}

    assert measured(units, unknown_age).tolist() == [1]
    assert measured(units, SUM).tolist() == [20 * 10**5]
    assert measured(units, MEAN).tolist() == [(20 - 35) * 10**6]


def test_first_members_are_those_who_are_selected() -> None:
    unit = [Person(bmi=""), Person(bmi="20"), Person(bmi="30")]

    assert measured([unit, unit], SUM | {"members": 1}).tolist() == [2 * 20 * 10**5]


def test_sum_is_clipped_for_persons_and_then_for_units() -> None:
    units = [[Person(bmi="70"), Person(bmi="5")], [Person(bmi="12.34567")]]

    assert measured(units, SUM).tolist() == [(60 + 10) * 10**5 + 1234567]
    assert measured(units, SUM | {"unit_range": ["0", "45.5"]}).tolist() == [4550000 + 1234567]


def test_bars_are_of_categories_or_between_edges() -> None:
    units = [[Person(smoker="never", age="39.9"), Person(smoker="", age="40")], [Person(smoker="current", age="131")]]

    assert measured(units, SMOKING).tolist() == [1, 0, 1]
    assert measured(units, AGES).tolist() == [1, 1, 0]


def test_absent_genotypes_are_not_reference() -> None:
    unit = [Person(calls=("0/1", "./.", "./1")), Person(calls=("1|1", "0/0", "."), diagnoses=("E11",))]

    assert measured([unit], FREQUENCY).tolist() == [3, 0, 1]
    assert measured([unit], TABLE).tolist() == [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]


def test_long_vectors_of_a_unit_are_shortened_to_their_bound() -> None:
    long, short = Person(calls=("1/1", "1/1", "0/1")), Person(calls=("0/0", "0/1", "0/0"))
    spec = FREQUENCY | {"unit_bound": "1.5"}

    assert measured([[long]], spec).tolist() == [1_000_000, 1_000_000, 500_000]
    assert measured([[short]], spec).tolist() == [0, 1_000_000, 0]


def test_cases_and_controls_are_counted_by_genotype() -> None:
    case = {"diagnoses": ("E119",), "age": "50"}
    unit = [Person(calls=("1/1", "0/1", "0/0"), **case), Person(calls=("0/1", "0/0", "1/1"), age="30")]
    left_out = [Person(calls=("1/1", "1/1", "1/1"), age="19"), Person(calls=("1/1", "1/1", "1/1"))]

    table = measured([unit, left_out], TABLE).reshape(3, 2, 3)

    assert table[0].tolist() == [[0, 0, 1], [0, 1, 0]]
    assert table[1].tolist() == [[0, 1, 0], [1, 0, 0]]
    assert table[2].tolist() == [[1, 0, 0], [0, 0, 1]]


def test_nobody_is_an_answer_like_any_other() -> None:
    plans = gate_plan_of(*({**spec, "name": name} for name, spec in KINDS.items())).statistics

    for plan in plans:
        assert not measure(people_of([]), plan).any()
        assert measure(people_of([]), plan).shape == (plan.measured,)


def test_unit_in_two_places_is_refused() -> None:
    people = people_of([[Person()], [Person()], [Person()]])
    split = people.table.set_column(0, "slot", [np.array([0, 1, 0])])

    with pytest.raises(RuntimeError, match="side by side"):
        measure(type(people)(table=split, columns=people.columns, row=people.row), plan_of(WOMEN))


# On a snapshot, as a holder ingests it.


def test_snapshot_is_measured_as_counted_by_hand(tmp_path: Any) -> None:
    cohort = make_cohort(listed=True)
    snapshot = ingest_cohort(cohort, tmp_path)
    cases = [s for s, row in cohort.people.items() if "E11" in row["diagnoses"]]
    plans = gate_plan_of(WOMEN, SMOKING, FREQUENCY, TABLE, family=4).statistics

    check_request(snapshot, plans)
    women, smoking, frequency, table = measure_all(snapshot, plans)

    assert women.tolist() == [sum(row["sex"] == "female" for row in cohort.people.values())]
    assert smoking.tolist() == [
        sum(row["smoker"] == wanted for row in cohort.people.values()) for wanted in SMOKING["categories"]
    ]
    assert frequency.tolist() == [sum(calls[at].count("1") for calls in cohort.calls.values()) for at in range(3)]
    both = {"0/0": 0, "0/1": 1, "1|0": 1, "1/1": 2}
    assert table[:3].tolist() == [
        sum(both.get(cohort.calls[case][0]) == alleles for case in cases) for alleles in range(3)
    ]


def test_unit_that_leaves_moves_a_snapshot_no_more_than_declared(tmp_path: Any) -> None:
    cohort = make_cohort(listed=True)
    plans = gate_plan_of(*({**spec, "name": name} for name, spec in KINDS.items()), family=4).statistics
    before = measure_all(ingest_cohort(cohort, tmp_path), plans)

    after = measure_all(ingest_cohort(cohort.without(*cohort.family("F011")), tmp_path), plans)

    for plan, one, other in zip(plans, before, after, strict=True):
        assert sum(int(apart) ** 2 for apart in one - other) <= plan.sensitivity_squared


def test_only_carriers_are_seen_where_sites_are_not_public(tmp_path: Any) -> None:
    """Without a public list a site is there because of its carriers; whoever is no carrier must not show by it."""
    cohort = make_cohort(listed=False)
    snapshot = ingest_cohort(cohort, tmp_path)
    plans = gate_plan_of(FREQUENCY, variants=("1:100:A:G", "1:7777:A:G"), family=4).statistics

    check_request(snapshot, plans)

    assert measure_all(snapshot, plans)[0].tolist() == [sum(c[0].count("1") for c in cohort.calls.values()), 0]


@pytest.mark.parametrize(
    ("code", "spec", "variants"),
    [
        ("column-unknown", WOMEN | {"where": [{"column": "income", "values": ["high"]}]}, VARIANTS),
        ("column-kind", WOMEN | {"where": [{"column": "sex", "values": ["woman"]}]}, VARIANTS),
        ("column-kind", WOMEN | {"where": [{"column": "age", "values": ["45"]}]}, VARIANTS),
        ("column-kind", WOMEN | {"where": [{"column": "dx_e11", "values": ["yes"]}]}, VARIANTS),
        ("column-kind", WOMEN | {"where": [{"column": "smoker", "below": "3"}]}, VARIANTS),
        ("column-kind", SUM | {"column": "smoker"}, VARIANTS),
        ("column-kind", MEAN | {"column": "sex"}, VARIANTS),
        ("column-kind", SMOKING | {"categories": ["never", "always"]}, VARIANTS),
        ("column-kind", AGES | {"column": "dx_c50"}, VARIANTS),
        ("variant-unknown", FREQUENCY, ("rs999",)),
        ("variant-unknown", TABLE, ("1:100:A:T",)),
    ],
)
def test_what_a_dataset_does_not_offer_is_refused(
    tmp_path: Any, code: str, spec: dict[str, Any], variants: tuple[str, ...]
) -> None:
    snapshot = ingest_cohort(make_cohort(4, listed=True), tmp_path)

    with pytest.raises(Refused) as refusal:
        check_request(snapshot, gate_plan_of(spec, family=4, variants=variants).statistics)

    assert refusal.value.code == code


def test_tables_without_public_sites_are_refused(tmp_path: Any) -> None:
    snapshot = ingest_cohort(make_cohort(4, listed=False), tmp_path)

    with pytest.raises(Refused) as refusal:
        check_request(snapshot, gate_plan_of(TABLE, family=4, variants=("1:100:A:G",)).statistics)

    assert refusal.value.code == "sites-unlisted"
