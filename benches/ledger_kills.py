"""``ledger_kills``: of 1 000 workers killed at random instants, how many lost, doubled or changed anything.

The course of `tests/unit/ledger/test_kill_jobs.py`, only longer: real charges, gate and seals in several processes at
once, then a backup that is refused, restored by witnessed receipts, and ordered from again. One broken statement ends
the course, so the figure is 0 or 1. Beside it: how many kills met a worker amid a job that was charged and not over.
"""

import sys
import tempfile
from pathlib import Path

from benches.harness import Figure, beside, judge

UNIT = "faults"
REACH = "<= 0"
ROUNDS, KILLS = 25, 40
ORDERS, AFFORDABLE = 700, 650
LONGEST_SECONDS = 0.12
HELPERS = str(Path(__file__).parents[1] / "tests")


def measure() -> Figure:
    """The faults of one long course."""
    if HELPERS not in sys.path:
        sys.path.append(HELPERS)
    from kill_course import run_course
    from kill_place import KillPlace

    with tempfile.TemporaryDirectory(prefix="safeconduct-bench-") as folder:
        place, faults = KillPlace(Path(folder), ORDERS, AFFORDABLE, seed=11), 0
        try:
            run_course(place, rounds=ROUNDS, kills=KILLS, longest_seconds=LONGEST_SECONDS, affordable=AFFORDABLE)
        except AssertionError as fault:
            print(f"ledger_kills: after {place.kills} kills: {fault}", file=sys.stderr)
            faults = 1
        place.close()
    met = beside(f"of {place.kills} kills, those amid a charged job", [place.met], "kills")
    return judge([faults], unit=UNIT, reach=0, better="less", beside=met)
