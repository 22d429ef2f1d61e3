"""``interval_coverage`` (``make bench PRIVACY=1``): how often intervals cover what they say, the worst of all kinds.

Each kind of interval is released 2 000 times over data drawn anew. The figure is the least coverage of those with a
nominal 95 %, in per cent; beside it, the least of those with a nominal 99.9 %. It holds unless some kind misses more
often than chance allows in 2 000 runs (false alarm 1e-7). Every kind's own line goes to standard error.
"""

import sys
from pathlib import Path

from benches.harness import Figure, beside

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from coverage_scenarios import Scenario, scenarios

PRIVACY = True
UNIT = "%"
REACH = ">= 95, but for chance"
RUNS = 2_000
SEED = 20261126


def measure() -> Figure:
    """About five minutes."""
    found = [(one, one.misses(RUNS, SEED)) for one in scenarios()]
    for one, missed in found:
        print(f"  {one.name:50} nominal {one.level:.1%}  measured {_covered(missed):.2f} %", file=sys.stderr)
    usual = [_covered(missed) for one, missed in found if one.level == 0.95]
    return Figure(
        value=min(usual),
        unit=UNIT,
        low=min(usual),
        high=max(usual),
        reach=REACH,
        holds=all(_is_chance(one, missed) for one, missed in found),
        beside=beside("noise intervals, nominal 99.9 %, the least", [min(_noise(found))], UNIT),
    )


def _covered(missed: int) -> float:
    return 100 * (1 - missed / RUNS)


def _noise(found: list[tuple[Scenario, int]]) -> list[float]:
    return [_covered(missed) for one, missed in found if one.level != 0.95]


def _is_chance(one: Scenario, missed: int) -> bool:
    return missed <= one.allowed(RUNS)
