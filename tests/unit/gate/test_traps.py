"""OpenDP is safe noise, not a safe gate: each trap, what the library alone does with it, and the code of our refusal.

`alone` is true if the library, used as its documentation invites to, lets the trap through.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gate_plans import gate_plan, output_plan, raws
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian, make_private_quantile
from opendp.measures import zero_concentrated_divergence
from opendp.metrics import absolute_distance, l2_distance, symmetric_distance

from sandbox.errors import GateBroken
from sandbox.gate import categories, library, pricing, release
from sandbox.gate.library import Mechanism

ZCDP = zero_concentrated_divergence()
GATE = Path(__file__).parents[3] / "sandbox" / "gate"


def quantile(domain: Any, candidates: list[Any]) -> Any:
    return make_private_quantile(domain, symmetric_distance(), ZCDP, candidates, 0.5, 1.0)


def floats(size: int) -> Any:
    return vector_domain(atom_domain(T=float, nan=False), size=size)


def median() -> Mechanism:
    return library.median(0, 100, 5, 3, 10**9)


def exact() -> Any:
    return make_gaussian(atom_domain(T="i64"), absolute_distance(T="i64"), 0.0)


def coarse() -> Any:
    """Noise of deviation 2 on a lattice of 2^3: it costs more than noise of deviation 2."""
    return make_gaussian(atom_domain(T=float, nan=False), absolute_distance(T=float), 2.0, k=3)


def finer() -> Any:
    return make_gaussian(atom_domain(T=float, nan=False), absolute_distance(T=float), 2.0)


def released_with(mechanism: Any) -> Any:
    """Release a plan whose mechanism was swapped for one that costs more than the output's share."""
    plan = gate_plan(output_plan(aggregator="sum", spread=None), blocks=3)
    dearer = replace(pricing.mechanism_of(plan, plan.outputs[0]), rho_nano=library.nano_of(mechanism, 2.0, 1.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sandbox.gate.releasing.mechanism_of", lambda *_: dearer)
        return release(plan, raws("x", [0.0] * 3))


@dataclass(frozen=True, kw_only=True)
class Trap:
    """What the library lets through, how the gate is asked for the same, and the code with which it refuses."""

    name: str
    alone: Callable[[], bool]
    gate: Callable[[], object]
    code: str


TRAPS = (
    Trap(
        name="NaN is answered with noise, though the domain excludes it",
        alone=lambda: quantile(floats(3), [0.0, 1.0])([math.nan] * 3) in (0.0, 1.0),
        gate=lambda: median().invoke(np.array([math.nan] * 3)),
        code="gate-finite",
    ),
    Trap(
        name="infinity is a member of every domain of floats",
        alone=lambda: floats(1).member([math.inf]),
        gate=lambda: median().invoke(np.array([1, 2, math.inf])),
        code="gate-finite",
    ),
    Trap(
        name="a vector of another length is answered by a domain of fixed size",
        alone=lambda: median().measurement([1]) in range(101),
        gate=lambda: median().invoke(np.array([1])),
        code="gate-length",
    ),
    Trap(
        name="a vector of another length is answered by noise on vectors",
        alone=lambda: len(library.noisy_vector(0, 9, 3, 2, 10**9).measurement([1])) == 1,
        gate=lambda: library.noisy_vector(0, 9, 3, 2, 10**9).invoke_vector(np.array([1])),
        code="gate-length",
    ),
    Trap(
        name="a value outside the bounds is answered",
        alone=lambda: median().measurement([101] * 3) in range(101),
        gate=lambda: median().invoke(np.array([101] * 3)),
        code="gate-domain",
    ),
    Trap(
        name="more votes than voters are answered",
        alone=lambda: categories.vote(2, 3, 10**9).measurement([0, 1000]) == 1,
        gate=lambda: categories.vote(2, 3, 10**9).invoke(np.array([0, 1000])),
        code="gate-domain",
    ),
    Trap(
        name="replacing one of a fixed number is free at d_in 1",
        alone=lambda: median().measurement.map(1) == 0.0,
        gate=lambda: library.nano_of(median().measurement, 1.0, 1),
        code="gate-map",
    ),
    Trap(
        name="replacing one summand of a fixed number is free at d_in 1",
        alone=lambda: library.noisy_sum(0, 4, 100, 10**6).measurement.map(1) == 0.0,
        gate=lambda: library.nano_of(library.noisy_sum(0, 4, 100, 10**6).measurement, 1.0, 1),
        code="gate-map",
    ),
    Trap(
        name="scale 0 is built and gives the exact answer",
        alone=lambda: exact()(12345) == 12345,
        gate=lambda: library.nano_of(exact(), 0.0, 1),
        code="gate-scale",
    ),
    Trap(
        name="scale 0 that calls itself 1 has an infinite loss",
        alone=lambda: math.isinf(exact().map(1)),
        gate=lambda: library.nano_of(exact(), 1.0, 1),
        code="gate-map",
    ),
    Trap(
        name="int means 32 bits",
        alone=lambda: "i32" in str(atom_domain(T=int)),
        gate=lambda: median().invoke(np.array([1, 2, 3], dtype=np.int32)),
        code="gate-finite",
    ),
    Trap(
        name="candidates that fall are taken",
        alone=lambda: quantile(floats(3), [0.0, 2.0, 1.0])([1.0] * 3) in (0.0, 1.0, 2.0),
        gate=lambda: library.check_candidates((0, 2, 1)),
        code="gate-unsorted",
    ),
    Trap(
        name="coarse noise costs more than its deviation says",
        alone=lambda: coarse().map(1) > finer().map(1),
        gate=lambda: released_with(coarse()),
        code="gate-map",
    ),
    Trap(
        name="nobody asks what moves a vector: a distance of 0 costs nothing",
        alone=lambda: make_gaussian(floats(2), l2_distance(T=float), 1.0).map(0.0) == 0.0,
        gate=lambda: library.noisy_vector(0, 9, 2, 0, 10**9),
        code="gate-map",
    ),
)


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_library_alone_lets_the_trap_through(trap: Trap) -> None:
    assert trap.alone()


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_gate_refuses_the_trap_with_its_own_code(trap: Trap) -> None:
    with pytest.raises(GateBroken) as refused:
        trap.gate()

    assert refused.value.code == trap.code


def test_gate_charges_replace_one_where_the_library_would_give_it_away() -> None:
    total = library.noisy_sum(0, 4, 100, 10**6)

    assert (median().rho_nano, total.rho_nano) == (10**9, 10**6)
    assert library.nano_of(total.measurement, total.scale, library.REPLACE_ONE) == 10**6


def test_gate_works_with_64_bits_throughout() -> None:
    mechanisms = library.noisy_sum(0, 2**40, 100, 10**6), median(), categories.vote(3, 9, 10**6)

    assert all("i64" in str(mechanism.domain) for mechanism in mechanisms)


def test_every_code_of_the_gate_has_a_test_that_provokes_it() -> None:
    raised, tested = codes_in(GATE), codes_in(Path(__file__).parent)

    assert len(raised) >= 10
    assert raised <= tested


def codes_in(folder: Path) -> set[str]:
    return {code for path in folder.glob("*.py") for code in re.findall(r'"(gate-[a-z-]+)"', path.read_text("utf-8"))}
