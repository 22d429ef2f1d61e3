"""An algorithm that waits for one person and then shouts: harmless in chambers, and not so when run the naive way.

False alarms: at most 1e-7 per audit (`audit.FALSE_ALARM`); run naively, the program is overlooked only when noise
hides 80 shouting blocks, which happens once in 10^8 answers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

import pytest
from audit import audited_breach, audited_mu
from gate_plans import gate_plan, output_plan, raw

from sandbox.domain.plan import GatePlan
from sandbox.gate import epsilon, release

BLOCKS = 80
TARGET = "the person who is waited for"
RHO_NANO = 125_000_000
RUNS = 1_500  # the fewest that can show an epsilon of 5 at LEVEL
LEVEL = 1e-4
Blocks = Sequence[Iterable[str]]


@dataclass
class Waiter:
    """The hostile program: 0 until it has seen its target, and 1 ever after."""

    seen: bool = False

    def run(self, block: Iterable[str]) -> bytes:
        self.seen = self.seen or TARGET in block
        return raw(x=1.0 if self.seen else 0.0)


def in_chambers(blocks: Blocks) -> list[bytes]:
    """Each block meets a program that remembers nothing."""
    return [Waiter().run(block) for block in blocks]


def naively(blocks: Blocks) -> list[bytes]:
    """One process runs over all blocks, and remembers."""
    program = Waiter()
    return [program.run(block) for block in blocks]


def cohort(*, with_target: bool) -> list[tuple[str, ...]]:
    first = TARGET if with_target else "somebody else"
    return [(first,), *((f"person {i}",) for i in range(1, BLOCKS))]


def plan_of(aggregator: str) -> GatePlan:
    output = output_plan(
        aggregator=aggregator, low=Decimal(0), high=Decimal(1), spread=Decimal("0.1"), rho_nano=RHO_NANO
    )
    return gate_plan(output, blocks=BLOCKS, candidates=3)


def value(plan: GatePlan, outputs: list[bytes]) -> float:
    return float(release(plan, outputs)[0].value)


@pytest.mark.parametrize("aggregator", ["mean", "median"])
def test_waiting_program_in_chambers_reveals_no_more_than_declared(aggregator: str) -> None:
    plan = plan_of(aggregator)
    present, absent = (in_chambers(cohort(with_target=there)) for there in (True, False))

    found = audited_mu(lambda: value(plan, present), lambda: value(plan, absent), lambda v: v > 1 / BLOCKS / 2, RUNS)

    assert found <= sqrt(2 * RHO_NANO / 1e9)


@pytest.mark.parametrize("aggregator", ["mean", "median"])
def test_waiting_program_run_naively_breaks_the_promise(aggregator: str) -> None:
    plan = plan_of(aggregator)
    present, absent = (naively(cohort(with_target=there)) for there in (True, False))

    found = audited_breach(lambda: value(plan, present), lambda: value(plan, absent), lambda v: v > 0.5, RUNS, LEVEL)

    assert found >= 5 > epsilon(RHO_NANO, plan.delta)


def test_only_the_targets_own_chamber_differs() -> None:
    present, absent = (in_chambers(cohort(with_target=there)) for there in (True, False))

    assert [a == b for a, b in zip(present, absent, strict=True)] == [False] + [True] * (BLOCKS - 1)
