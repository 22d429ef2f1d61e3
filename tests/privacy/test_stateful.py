"""An algorithm that waits for one person and then shouts: harmless in chambers, and not so when run the naive way.

The program (algorithms/hostile/waiter.py) is really run over two neighbouring datasets: in cells, one chamber for each
block or unit; and naively, one process over all of them. What it yields does not change from run to run, so one run for
each dataset gives the inputs of the gate, and the gate's draws on them are audited. Containers yield the same bytes.

False alarms: at most 1e-7 per audit (`audit.FALSE_ALARM`). Run naively, the program is overlooked if noise hides 80
shouting blocks in two of 2 000 answers, which happens less than once in 10^9 audits (a median's chance is 10^-8 each).
"""

import json
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

import chamber_help as help_
import pytest
from audit import audited_breach, audited_mu, audited_range
from gate_plans import gate_plan, output_plan

from sandbox.chambers.runtime import ChamberRuntime
from sandbox.domain.plan import GatePlan
from sandbox.gate import epsilon
from sandbox.gate.parse import read_columns
from sandbox.gate.pricing import mechanism_of

BLOCKS = {"block": 80, "unit": 24}
IN_CONTAINERS = 12  # so many of them are run in containers as well
TARGET = "the-person-who-is-waited-for"
WAITER = ("/usr/bin/python3", "-I", "-S", "/waiter.py")
RHO_NANO = 125_000_000
RUNS = 2_000  # of which one may be lost, and an epsilon of 5 still shows at LEVEL
LEVEL = 1e-4
MODES = {"mean": "block", "median": "block", "sum": "unit", "count": "unit"}
Outputs = Sequence[bytes | None]
Case = tuple[str, bool]


@dataclass(frozen=True)
class Runs:
    """What real runs yielded, by mode and by whether the target was there."""

    chambers: dict[Case, Outputs]
    naive: dict[Case, Outputs]


def cases(*modes: str) -> list[Case]:
    return [(mode, there) for mode in modes for there in (True, False)]


@pytest.fixture(scope="module")
def runs(image: help_.Image) -> Iterator[Runs]:
    """Cells, in both modes."""
    runtime = help_.engine_runtime("cell", f"stateful-{os.getpid()}")
    image_id = runtime.load_image(image.archive, image.identity)
    yield Runs(
        chambers={case: run(runtime, image_id, balanced(*case)) for case in cases("block", "unit")},
        naive={case: naively(runtime, image_id, plain(*case)) for case in cases("block", "unit")},
    )
    runtime.reap(())


def balanced(mode: str, there: bool) -> list[str]:
    """One line of names for each block, or for each unit, such that a median falls as the first of them says."""
    target = TARGET if there else "somebody"
    if mode == "unit":
        return [target, *("carrier+" if number % 2 else "other" for number in range(BLOCKS["unit"] - 1))]
    half = BLOCKS["block"] // 2 - 1
    return [f"{target} other", "carrier+ other", *["other other"] * half, *["a+ b+"] * half]


def plain(mode: str, there: bool) -> list[str]:
    """The same without anybody who carries anything: there shouting is heard best."""
    return [line.replace("+", "") for line in balanced(mode, there)]


def naively(runtime: ChamberRuntime, image_id: str, blocks: Sequence[str]) -> Outputs:
    """Run the program once over all blocks; give what it said about each in the form in which a chamber says it."""
    said = run(runtime, image_id, ["\n".join(blocks)], "naively")[0]
    return [json.dumps({"x": answer}).encode() for answer in json.loads(said or b"")]


def run(runtime: ChamberRuntime, image_id: str, blocks: Sequence[str], *words: str) -> Outputs:
    """Run the program in one real chamber for each block."""
    with contextmanager(help_.run_directory)() as directory:
        hall = help_.Hall(runtime, image_id, directory, f"privacy-{uuid.uuid4().hex}")
        plan = hall.plan(["waiter"] * len(blocks), entrypoint=(*WAITER, *words))
        for folder, people in zip(plan.block_dirs, blocks, strict=True):
            assert folder is not None
            (folder / "people").write_text(people)
        assert runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(250)) == plan.chambers
        return runtime.collect(hall.outputs, plan.chambers)


def plan_of(aggregator: str) -> GatePlan:
    output = output_plan(
        aggregator=aggregator,
        whole=aggregator == "count",
        decimals=0 if aggregator == "count" else 6,
        low=Decimal(0),
        high=Decimal(1),
        spread=Decimal("0.1"),
        rho_nano=RHO_NANO,
    )
    return gate_plan(output, mode=MODES[aggregator], blocks=BLOCKS[MODES[aggregator]], candidates=5)


def draws(plan: GatePlan, outputs: Outputs) -> Callable[[], float]:
    """The gate's two steps on a plan with one output: bytes are read and clamped, then each call draws anew."""
    output, (column,) = plan.outputs[0], read_columns(plan, outputs)
    mechanism, unit = mechanism_of(plan, output), 10**output.decimals
    return lambda: mechanism.invoke(column) / unit / (plan.blocks if output.aggregator == "mean" else 1)


def test_only_the_targets_own_chamber_differs(runs: Runs) -> None:
    for mode in ("block", "unit"):
        present, absent = (runs.chambers[mode, there] for there in (True, False))

        assert (present[0], absent[0]) == (b'{"x": 1}', b'{"x": 0}')
        assert present[1:] == absent[1:]


def test_containers_say_what_cells_say(runs: Runs, image: help_.Image) -> None:
    runtime = help_.engine_runtime("container", f"stateful-{os.getpid()}")
    image_id = runtime.load_image(image.archive, image.identity)

    for case in cases("block"):
        said = run(runtime, image_id, balanced(*case)[:IN_CONTAINERS])
        assert said == runs.chambers[case][:IN_CONTAINERS]


def test_run_naively_the_program_shouts_for_everybody(runs: Runs) -> None:
    for mode in ("block", "unit"):
        assert runs.naive[mode, True] == [b'{"x": 1}'] * BLOCKS[mode]
        assert runs.naive[mode, False] == [b'{"x": 0}'] * BLOCKS[mode]


@pytest.mark.parametrize("aggregator", ["mean", "sum", "count"])
def test_waiting_program_in_chambers_reveals_no_more_than_declared(runs: Runs, aggregator: str) -> None:
    plan = plan_of(aggregator)
    present, absent = (runs.chambers[plan.mode, there] for there in (True, False))
    between = plan.blocks / 2 if plan.mode == "unit" else 0.5

    found = audited_mu(draws(plan, present), draws(plan, absent), lambda v: v > between, RUNS)
    print(f"waiting program in chambers, {aggregator}: audited mu {found:.2f}, declared {sqrt(2 * RHO_NANO / 1e9):.2f}")

    assert found <= sqrt(2 * RHO_NANO / 1e9)


def test_waiting_program_in_chambers_reveals_no_more_than_declared_by_a_median(runs: Runs) -> None:
    plan = plan_of("median")
    present, absent = (runs.chambers["block", there] for there in (True, False))

    found = audited_range(draws(plan, present), draws(plan, absent), 0.75, 0.25, RUNS)
    print(f"waiting program in chambers, median: audited range {found:.2f}, declared {sqrt(8 * RHO_NANO / 1e9):.2f}")

    assert found <= sqrt(8 * RHO_NANO / 1e9)


@pytest.mark.parametrize("aggregator", MODES)
def test_waiting_program_run_naively_breaks_the_promise(runs: Runs, aggregator: str) -> None:
    plan = plan_of(aggregator)
    present, absent = (runs.naive[plan.mode, there] for there in (True, False))
    half = plan.blocks / 2 if plan.mode == "unit" else 0.5

    found = audited_breach(draws(plan, present), draws(plan, absent), lambda v: v > half, RUNS, LEVEL)
    print(f"waiting program run naively, {aggregator}: audited epsilon {found:.2f}")

    assert found >= 5 > epsilon(RHO_NANO, plan.delta)
