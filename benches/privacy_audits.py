"""``privacy_audits`` (``make bench PRIVACY=1``): the most that any mechanism is seen to cost, relative to its charge.

Each mechanism is watched 100 000 times on each of two worst neighbours; the first half of the runs chooses the event,
the second half bounds its probabilities (Clopper and Pearson; false alarm 1e-7). It holds if no mechanism is above 1
and every planted bug is: half the noise, and a sensitivity that is ten per cent too small. Beside it: the bug that
shows least. Every audit's own line goes to standard error.
"""

import sys
from pathlib import Path

from benches.harness import Figure, beside

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from mechanism_audits import AUDITS, HALF_NOISE, TENTH_TOO_SMALL

PRIVACY = True
UNIT = "of its charge"
REACH = "<= 1, bugs > 1"
RUNS = 100_000


def measure() -> Figure:
    """About ten minutes."""
    fair, bugs = [], []
    for audit in AUDITS:
        fair.append(_told(audit.name, audit.found_blindly(RUNS)))
        bugs.append(_told(f"{audit.name}, half the noise", audit.found_blindly(RUNS, HALF_NOISE)))
        bugs.append(_told(f"{audit.name}, sensitivity a tenth too small", audit.found_blindly(RUNS, TENTH_TOO_SMALL)))
    return Figure(
        value=round(max(fair), 4),
        unit=UNIT,
        low=round(min(fair), 4),
        high=round(max(fair), 4),
        reach=REACH,
        holds=max(fair) <= 1 < min(bugs),
        beside=beside("planted bugs, the least", [min(bugs)], UNIT),
    )


def _told(what: str, found: float) -> float:
    print(f"  {what:50} {found:.3f} of what it was charged", file=sys.stderr)
    return found
