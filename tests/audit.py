"""Statistical audits: what can be concluded, with a stated chance of a false alarm, from watching a mechanism.

Each side is watched `runs` times; every probability is bounded by Clopper and Pearson at a level that leaves one bound
wrong at most FALSE_ALARM / 4 of the time. The three measures belong to the three claims that are made:

- a Gaussian mechanism of rho tells two neighbours apart like two Normals at distance mu = sqrt(2 rho)
  (Dong, Roth, Su 2019);
- an exponential mechanism of parameter epsilon moves the log odds of any two outcomes by at most epsilon (bounded
  range; Durfee and Rogers 2019);
- any mechanism of pure epsilon makes an event at most e^epsilon times as likely.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Hashable
from itertools import permutations
from math import log
from typing import Any

import numpy as np
from scipy.special import logit
from scipy.stats import beta, norm

FALSE_ALARM = 1e-7  # of one audit
_LEVEL = FALSE_ALARM / 4

Sampler = Callable[[], Any]
Event = Callable[[Any], bool]


def watch(sampler: Sampler, event: Event, runs: int) -> int:
    """Count how often an event happens."""
    return sum(event(sampler()) for _ in range(runs))


def at_least(hits: int, runs: int, level: float = _LEVEL) -> float:
    """Give the probability's lower bound."""
    return float(beta.ppf(level, hits, runs - hits + 1)) if hits else 0.0


def at_most(hits: int, runs: int, level: float = _LEVEL) -> float:
    """Give the probability's upper bound."""
    return float(beta.isf(level, hits + 1, runs - hits)) if hits < runs else 1.0


def audited_mu(one: Sampler, other: Sampler, event: Event, runs: int) -> float:
    """Give the least distance of two Normals that explains how differently an event happens under both."""
    often, rarely = watch(one, event, runs), watch(other, event, runs)
    return float(norm.ppf(at_least(often, runs)) - norm.ppf(at_most(rarely, runs)))


def audited_breach(one: Sampler, other: Sampler, event: Event, runs: int, level: float) -> float:
    """Give the least pure epsilon that explains, at this level, what a broken mechanism shows.

    A breach is so plain that the level need not be small: a false alarm would be a run in which it does not show.
    """
    often, rarely = watch(one, event, runs), watch(other, event, runs)
    return log(at_least(often, runs, level) / at_most(rarely, runs, level)) if often else 0.0


def audited_range(one: Sampler, other: Sampler, up: Hashable, down: Hashable, runs: int) -> float:
    """Give the least bounded range that explains how the log odds of two outcomes move from one side to the other."""
    first, second = [one() for _ in range(runs)], [other() for _ in range(runs)]
    gained = at_least(first.count(up), first.count(up) + first.count(down))
    kept = at_most(second.count(up), second.count(up) + second.count(down))
    return float(logit(gained) - logit(kept))


def chosen_mu(one: Sampler, other: Sampler, runs: int) -> float:
    """Audit like `audited_mu`, with the threshold that tells both sides apart best in the first half of the runs."""
    half = runs // 2
    seen = sorted(one() for _ in range(half)), sorted(other() for _ in range(half))
    best = max(np.linspace(seen[1][half // 2], seen[0][half // 2], 101), key=lambda at: _apart(seen, at, half))
    return audited_mu(one, other, lambda number: number > best, half)


def _apart(seen: tuple[list[Any], list[Any]], threshold: float, runs: int) -> float:
    often, rarely = (runs - bisect_right(side, threshold) for side in seen)
    return float(norm.ppf(at_least(often, runs)) - norm.ppf(at_most(rarely, runs)))


def chosen_range(one: Sampler, other: Sampler, runs: int) -> float:
    """Audit like `audited_range`, with the two outcomes whose odds moved most in the first half of the runs."""
    half = runs // 2
    seen = Counter(one() for _ in range(half)), Counter(other() for _ in range(half))
    pairs = permutations(sorted(seen[0] | seen[1]), 2)
    up, down = max(pairs, key=lambda pair: _moved(seen, *pair))
    return audited_range(one, other, up, down, half)


def _moved(seen: tuple[Counter[Any], Counter[Any]], up: Hashable, down: Hashable) -> float:
    gained = at_least(seen[0][up], seen[0][up] + seen[0][down])
    kept = at_most(seen[1][up], seen[1][up] + seen[1][down])
    return float(logit(gained) - logit(kept)) if gained > 0 and kept < 1 else -1.0
