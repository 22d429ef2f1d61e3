"""What the demo knows because it made the data, or because the data is published; nodes and researchers do not.

Two questions are asked of every answer, each with the rate at which it would be answered wrongly by chance:

- a frequency must lie in its own 99.9 % noise interval; of many, as few may lie outside as chance allows;
- an effect must lie within its 99.9 % noise interval widened by five standard errors of sampling on each side.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from client.commands.demo_plan import NodePlan
from protocol.documents.release import Release, ReleasedValue

FALSE_ALARM: Final = 1e-6
OUTSIDE: Final = 0.001  # of a 99.9 % interval
SAMPLING_ERRORS: Final = 5.0
MEDIAN_EFFICIENCY: Final = 1.2533  # sqrt(pi / 2)


def truths(plan: NodePlan, cohort: Path) -> dict[str, float]:
    """Return the true value of each output of a node's job."""
    known: dict[str, Any] = json.loads((cohort / "truth.json").read_text(encoding="utf-8"))
    if plan.algorithm == "allele_frequency":
        named = [(name, one) for one in known["variants"] for name in (one["id"], one["site"])]
        frequencies = {name: float(one["frequency"]) for name, one in named}
        return {variant: frequencies[variant] for variant in plan.parameters["variants"]}
    wanted = (plan.parameters["disease"], plan.parameters["variant"])
    effect = next(one for one in known["effects"] if (one["diagnosis"], one["variant"]) == wanted)
    return {"log_odds_ratio": float(effect["log_odds_ratio"])}


def is_near(output: ReleasedValue, truth: float, release: Release) -> bool:
    """Say whether a released value is where it should be, given the truth."""
    margin = sampling_margin(output, release)
    return float(output.noise_interval.low) - margin <= truth <= float(output.noise_interval.high) + margin


def sampling_margin(output: ReleasedValue, release: Release) -> float:
    """Return how far sampling may move an estimate: nothing for a count over everybody, five standard errors else."""
    if release.blocks == 0 or release.mode != "block" or output.standard_error is None:
        return 0.0
    return SAMPLING_ERRORS * float(output.standard_error)


def allowed_outside(intervals: int) -> int:
    """Return how many of so many independent 99.9 % intervals may miss: more happen by chance once in a million."""
    within, missed = 0.0, 0
    while True:
        within += math.comb(intervals, missed) * OUTSIDE**missed * (1 - OUTSIDE) ** (intervals - missed)
        if 1 - within <= FALSE_ALARM:
            return missed
        missed += 1


def outside(pairs: Iterable[tuple[ReleasedValue, float, Release]]) -> list[str]:
    """Return the names of the values that are not where they should be."""
    return [output.name for output, truth, release in pairs if not is_near(output, truth, release)]
