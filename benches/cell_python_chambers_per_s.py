"""Chambers per second in cells that each start Python and end, beside bare fork and exec of this machine's Python."""

import itertools
import sys
from pathlib import Path

from benches import _chambers
from benches.cell_chambers_per_s import run_bare
from benches.harness import Figure, beside, judge, side_by_side

UNIT = "chambers/s"
REACH = ">= 100"
CHAMBERS = 300  # in a batch, in two lanes
BARE = 100
ROUNDS = 5
NOTHING = ("-c", "pass")


def measure() -> Figure:
    """Chambers per second of each batch, beside processes per second, two at a time."""
    runtime, image_id, batches = _chambers.cells(), _chambers.base_image(), itertools.count()
    python = Path("/usr/bin/python3") if Path("/usr/bin/python3").exists() else Path(sys.executable)
    with _chambers.run_folder() as root:

        def batch() -> None:
            folder = root / str(next(batches))
            plan = _chambers.plan(folder, image_id, CHAMBERS, entrypoint=("/usr/bin/python3", *NOTHING))
            _chambers.run(runtime, plan, folder)

        chambers, bare = side_by_side(batch, lambda: run_bare(python, BARE, *NOTHING), rounds=ROUNDS, warm_up=1)
    return judge(
        [CHAMBERS / seconds for seconds in chambers],
        unit=UNIT,
        reach=100,
        better="more",
        beside=beside(f"bare {python} -c pass, two at a time", [BARE / seconds for seconds in bare], UNIT),
    )
