"""Statistical audits: what can be concluded, with a stated chance of a false alarm, from watching a mechanism.

Each side is watched `runs` times; every probability is bounded by Clopper and Pearson at a level that leaves one bound
wrong at most FALSE_ALARM / 4 of the time. The three measures belong to the three claims that are made:

- a Gaussian mechanism of rho tells two neighbours apart like two Normals at distance mu = sqrt(2 rho)
  (Dong, Roth, Su 2019);
- an exponential mechanism of parameter epsilon moves the log odds of any two outcomes by at most epsilon (bounded
  range; Durfee and Rogers 2019);
- any mechanism of pure epsilon makes an event at most e^epsilon times as likely.
"""

from collections.abc import Callable, Hashable
from math import log

from scipy.special import logit
from scipy.stats import beta, norm

FALSE_ALARM = 1e-7  # of one audit; the suite has fewer than ten
_LEVEL = FALSE_ALARM / 4

Sampler = Callable[[], Hashable]
Event = Callable[[Hashable], bool]


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
