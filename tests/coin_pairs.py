"""Pairs, a coin for each that says on which side it is, and the exact rank test over the coins.

Under the hypothesis that what is seen does not depend on the coin, every choice of the coins was equally likely: the
chance that is given is right whatever the machine's noise or load. Fourteen pairs on each side have C(28, 14) choices,
enough to reach 5e-8.
"""

import random

from scipy.stats import rankdata

FALSE_ALARM = 1e-7
PAIRS = 28
NEVER = float("inf")


def chance(one: list[float], other: list[float]) -> float:
    """Give the exact chance, over all choices of the coins, of a rank sum as far from its mean as the one seen."""
    doubled = [round(2 * rank) for rank in rankdata([*one, *other])]
    ways: list[dict[int, int]] = [{0: 1}, *({} for _ in one)]
    for rank in doubled:
        for taken in range(len(one), 0, -1):
            for total, count in ways[taken - 1].items():
                ways[taken][total + rank] = ways[taken].get(total + rank, 0) + count
    sums = ways[len(one)]
    centre = sum(doubled) * len(one) / len(doubled)
    seen = abs(sum(doubled[: len(one)]) - centre)
    return sum(count for total, count in sums.items() if abs(total - centre) >= seen) / sum(sums.values())


def coins() -> list[bool]:
    """Whether the target is in each pair: half of them, by chance."""
    there = [True, False] * (PAIRS // 2)
    random.SystemRandom().shuffle(there)
    return there


def sides(steps: list[float], there: list[bool]) -> tuple[list[float], list[float]]:
    """Part what was seen by where the target was."""
    return (
        [step for step, with_target in zip(steps, there, strict=True) if with_target],
        [step for step, with_target in zip(steps, there, strict=True) if not with_target],
    )
