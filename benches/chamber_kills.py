"""A worker killed at fifty random instants for each engine: things of its chambers that are left, beside none allowed.

The counting is the test's (tests/integration/test_chamber_crash.py), which kills ten times; this is its longer run.
"""

import os
import subprocess
import sys
from pathlib import Path

from benches.harness import Beside, CannotMeasureError, Figure

UNIT = "runs that left something"
REACH = "<= 0"
KILLS = 50
TEST = "tests/integration/test_chamber_crash.py::test_worker_killed_at_random_instants_leaves_nothing"


def measure() -> Figure:
    """How many engines failed to come out clean."""
    environment = {**os.environ, "SAFECONDUCT_KILLS": str(KILLS)}
    command = [sys.executable, "-m", "pytest", "-q", "--timeout=1800", TEST]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1) or " passed" not in done.stdout:
        raise CannotMeasureError(f"the test did not run: {done.stdout[-300:]}")
    failed = 2 - int(done.stdout.rpartition(" passed")[0].split()[-1])
    beside = Beside(what=f"{KILLS} kills of each of 2 engines", value=0.0, unit=UNIT)
    return Figure(value=failed, unit=UNIT, low=failed, high=failed, reach=REACH, holds=failed == 0, beside=beside)
