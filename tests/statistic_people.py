"""People in memory for tests of statistics: units of persons, as a snapshot would hold them; and plans about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from cohorts import BMI, SMOKER
from factory import World
from gate_plans import facts
from statistic_specs import statistic

from sandbox.data.genotype import CODE
from sandbox.data.people import Numbers, People
from sandbox.data.statistic import measure
from sandbox.domain.dataset import Unit
from sandbox.domain.plan import GatePlan, make_gate_plan
from sandbox.domain.statistic import StatisticPlan

VARIANTS = ("rs100", "rs200", "rs300")
WORLD = World()


@dataclass(frozen=True, kw_only=True)
class Person:
    """What a snapshot says about a person; everything may be missing."""

    sex: str = "unknown"
    age: str = ""
    bmi: str = ""
    smoker: str = ""
    diagnoses: tuple[str, ...] = ()
    calls: tuple[str, ...] = (".", ".", ".")


Units = Sequence[Sequence[Person]]


def people_of(units: Units) -> People:
    """Units in slots of their own, side by side; one without members leaves its slot empty."""
    slots = [slot for slot, members in enumerate(units) for _ in members]
    everybody = [person for members in units for person in members]
    texts = {name: [getattr(one, name) for one in everybody] for name in ("sex", "age", "bmi", "smoker")}
    table = pa.table(
        {
            "slot": pa.array(slots, pa.int64()),
            "sex": pa.array(texts["sex"], pa.string()),
            "age": pa.array(texts["age"], pa.string()),
            "value_bmi": pa.array(texts["bmi"], pa.string()),
            "value_smoker": pa.array(texts["smoker"], pa.string()),
            "diagnoses": pa.array([list(one.diagnoses) for one in everybody], pa.list_(pa.string())),
        }
    )
    rows = {
        name: np.array([CODE[one.calls[at]] for one in everybody], dtype=np.uint8) for at, name in enumerate(VARIANTS)
    }
    return People(table=table, columns=(SMOKER, BMI), row=lambda name: rows[name])


def gate_plan_of(
    *specs: dict[str, Any], family: int = 3, people: int = 100, nano: int = 1_000_000, variants: Any = VARIANTS
) -> GatePlan:
    """The plan of an order of these statistics for a dataset of families of at most `family`."""
    conditions = [one for s in specs for key in ("where", "cases", "controls") for one in s.get(key, ())]
    columns = sorted({one["column"] for one in [*conditions, *specs] if "column" in one})
    inputs = {"variants": any("variants" in spec for spec in specs), "columns": columns}
    algorithm = statistic(statistics=list(specs), inputs=inputs)
    order = WORLD.order(
        rho=[{"output": spec["name"], "nano": nano} for spec in specs],
        parameters={"variants": list(variants)},
        blocks=0,
    )
    policy = WORLD.policy(maximum_family_size=1000, job_cap_nano=10**12)
    unit = Unit.PERSON if family == 1 else Unit.FAMILY
    return make_gate_plan(
        algorithm, order, policy, facts(unit=unit, maximum_family_size=family, people=people, slots=people)
    )


def plan_of(spec: dict[str, Any], **changes: Any) -> StatisticPlan:
    """The plan of one statistic."""
    return gate_plan_of(spec, **changes).statistics[0]


def measured(units: Units, spec: dict[str, Any], **changes: Any) -> Numbers:
    """What a statistic measures of some units."""
    return measure(people_of(units), plan_of(spec, **changes))


def moved(before: Units, after: Units, plan: StatisticPlan) -> int:
    """The squared distance of what is measured of two neighbours."""
    apart = measure(people_of(before), plan) - measure(people_of(after), plan)
    return sum(int(one) ** 2 for one in apart)
