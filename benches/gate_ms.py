"""``gate_ms``: step 12 and 13 for 1 024 chambers of 16 medians, beside the sixteen OpenDP mechanisms alone.

Nothing is kept from one round to the next but the loaded library: a node releases each plan once, so mechanisms are
built and intervals computed anew. It only computes, on one core, so its own CPU time is measured.
"""

import json
import random
import time
from collections.abc import Callable

from benches.harness import Figure, beside, judge, side_by_side
from sandbox.domain.plan import GatePlan
from sandbox.gate import intervals, library, release
from sandbox.gate.parse import read_columns
from sandbox.gate.pricing import mechanism_of
from tests.gate_plans import gate_plan, output_plan

UNIT = "ms"
REACH = "<= 50"
ROUNDS = 40
BLOCKS, OUTPUTS = 1024, 16
SHARE_NANO = 1_953_125


def measure() -> Figure:
    """The median of many releases, each beside its baseline."""
    plan = gate_plan(
        *(output_plan(f"x{i}", rho_nano=SHARE_NANO) for i in range(OUTPUTS)), blocks=BLOCKS, people=120_000
    )
    values = random.Random(1)
    raws = [json.dumps({one.name: values.gauss(0, 0.35) for one in plan.outputs}).encode() for _ in range(plan.blocks)]
    gate, bare = side_by_side(_gate(plan, raws), _library(plan, raws), rounds=ROUNDS, clock=time.thread_time)
    return judge(
        [seconds * 1000 for seconds in gate],
        unit=UNIT,
        reach=50,
        better="less",
        beside=beside("the same sixteen OpenDP medians, invoked alone", [seconds * 1000 for seconds in bare], UNIT),
    )


def _gate(plan: GatePlan, raws: list[bytes]) -> Callable[[], None]:
    def gate() -> None:
        library.quantile.cache_clear()
        intervals.median_model.cache_clear()
        release(plan, raws)

    return gate


def _library(plan: GatePlan, raws: list[bytes]) -> Callable[[], None]:
    mechanisms = [mechanism_of(plan, output) for output in plan.outputs]
    columns = read_columns(plan, raws)

    def invoke() -> None:
        for mechanism, column in zip(mechanisms, columns, strict=True):
            mechanism.measurement(column)

    return invoke
