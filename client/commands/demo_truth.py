"""What the demo knows because it made the data, or because the data is published; nodes and researchers do not.

Each answer is held against the truth, with the rate at which chance alone would fail the story stated:

- a frequency: Gaussian noise is known exactly, so a truth further away than `WIDENED` times the half-width of the
  99.9 % interval (5.9 standard deviations) happens to one of a hundred values in three million performances;
- an effect: it must lie within its 99.9 % noise interval and five standard errors on each side. One of three may miss
  that: the noise of a median has long tails, and two of three miss in 3 of a million performances.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final

from client.commands.demo_plan import NodePlan
from protocol.documents.release import Release, ReleasedValue

FALSE_ALARM: Final = 1e-5
OUTSIDE: Final = 0.001  # of a 99.9 % interval
SAMPLING_ERRORS: Final = 5.0
WIDENED: Final = 1.8


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


def is_inside(output: ReleasedValue, truth: float) -> bool:
    """Say whether the truth lies in the released noise interval."""
    return float(output.noise_interval.low) <= truth <= float(output.noise_interval.high)


def is_near(output: ReleasedValue, truth: float, release: Release) -> bool:
    """Say whether a released value is where it should be, given the truth."""
    low, high = float(output.noise_interval.low), float(output.noise_interval.high)
    margin = (WIDENED - 1) * (high - low) / 2
    if release.mode == "block":
        margin = SAMPLING_ERRORS * float(output.standard_error or 0)
    return low - margin <= truth <= high + margin


def allowed_misses(plan: NodePlan, values: int) -> int:
    """Return how many of the values of an algorithm may miss by chance before the story counts as failed."""
    if plan.algorithm == "allele_frequency":
        return 0
    within, missed = 0.0, 0
    while True:
        within += math.comb(values, missed) * OUTSIDE**missed * (1 - OUTSIDE) ** (values - missed)
        if 1 - within <= FALSE_ALARM:
            return missed
        missed += 1
