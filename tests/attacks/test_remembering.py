"""The program that waits for one person, with the kernel's counter of inodes as its memory between chambers.

Where it meets the target it shouts 1 and moves the counter on, by pipes or sockets; a chamber that finds the counter
moved shouts as well (algorithms/hostile/waiter.py). It is told where the counter stood before, the best case for it.

Under `standard` that breaks the promise: all later chambers hear of the target. Under `strict` only the target's own
chamber shouts, and what the gate draws from RUNS real runs for each of two neighbouring datasets audits below the
declared loss: false alarms at most 1e-7 (`audit.FALSE_ALARM`). In the control, noise hides 24 shouting blocks in two of
2 000 answers less than once in 10^9 times (six deviations). The page cache as memory: `test_strict`.
"""

import json
import os
import random
import shutil
from collections.abc import Sequence
from decimal import Decimal
from math import sqrt

import chamber_help as help_
from audit import audited_breach, audited_mu
from gate_plans import gate_plan, output_plan

from sandbox.domain.chamber import Profile
from sandbox.domain.plan import GatePlan
from sandbox.gate import epsilon
from sandbox.gate.parse import read_columns
from sandbox.gate.pricing import mechanism_of

BLOCKS, RHO_NANO = 24, 125_000_000
RUNS = 2  # real ones, for each dataset; the gate draws DRAWS times from them
DRAWS, LEVEL = 2_000, 1e-4
A_BATCH = 1100
TARGET = "the-person-who-is-waited-for"
WAITER = ("/usr/bin/python3", "-I", "-S", "/waiter.py")
Outputs = Sequence[bytes | None]


def run(hall: help_.Hall, profile: Profile, there: bool) -> Outputs:
    """What each of a row of real chambers says; in the first block is the target, or somebody else."""
    plan = hall.plan(
        ["waiter"] * BLOCKS,
        entrypoint=WAITER,
        profile=profile,
        seccomp=help_.list_of_calls(profile),
        input_json=json.dumps({"parameters": {"counter": counter()}}).encode(),
        lanes=1,
    )
    for number, folder in enumerate(plan.block_dirs):
        assert folder is not None
        (folder / "people").write_text(TARGET if there and not number else "somebody")
    assert hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(200)) == BLOCKS
    said = hall.runtime.collect(hall.outputs, BLOCKS)
    shutil.rmtree(hall.outputs)
    return said


def counter() -> int:
    """Where the machine's counter of inodes stands."""
    for _ in range(A_BATCH):
        reading, writing = os.pipe()
        number = os.fstat(reading).st_ino
        os.close(reading)
        os.close(writing)
    return number


def plan_of_mean() -> GatePlan:
    output = output_plan(aggregator="mean", low=Decimal(0), high=Decimal(1), decimals=6, rho_nano=RHO_NANO)
    return gate_plan(output, mode="block", blocks=BLOCKS)


def draw(plan: GatePlan, runs: Sequence[Outputs]) -> float:
    """What the gate releases of one of these runs."""
    (column,) = read_columns(plan, random.choice(runs))
    return mechanism_of(plan, plan.outputs[0]).invoke(column) / 10**6 / BLOCKS


def test_under_standard_the_kernel_remembers_for_the_program(strict_hall: help_.Hall) -> None:
    present, absent = ([run(strict_hall, Profile.STANDARD, there)] for there in (True, False))
    plan = plan_of_mean()

    found = audited_breach(lambda: draw(plan, present), lambda: draw(plan, absent), lambda v: v > 0.5, DRAWS, LEVEL)
    print(f"waiting program, standard: {shouting(present)}, {shouting(absent)} shout; audited epsilon {found:.2f}")

    assert found >= 5 > epsilon(RHO_NANO, plan.delta)


def test_under_strict_nothing_remembers(strict_hall: help_.Hall) -> None:
    present, absent = ([run(strict_hall, Profile.STRICT, there) for _ in range(RUNS)] for there in (True, False))
    plan, declared = plan_of_mean(), sqrt(2 * RHO_NANO / 1e9)

    found = audited_mu(lambda: draw(plan, present), lambda: draw(plan, absent), lambda v: v > 0.5 / BLOCKS, DRAWS)
    print(f"waiting program, strict: {shouting(present)}, {shouting(absent)} shout; mu {found:.2f} of {declared:.2f}")

    assert (shouting(present), shouting(absent)) == ([1] * RUNS, [0] * RUNS)
    assert found <= declared


def shouting(runs: Sequence[Outputs]) -> list[int]:
    """How many chambers shouted, by run."""
    return [sum(said == b'{"x": 1}' for said in one) for one in runs]
