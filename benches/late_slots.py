"""Of 10 000 slots of 20 ms in two lanes, those whose chamber yielded nothing: it started late or was not read in time.

The program is static, writes its result and ends. Beside it: how often a bare sleeper, at the same times and on the
same machine, wakes up later than half a slot.
"""

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benches import _chambers
from benches.harness import Beside, Figure, judge
from sandbox.domain.chamber import Timing

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from tiny_image import program

UNIT = "slots"
REACH = "<= 0"
SLOTS = 10_000
LANES = 2
SLOT_MILLISECONDS = 20
LEAD = timedelta(seconds=2)


def measure() -> Figure:
    """One run of two minutes."""
    runtime = _chambers.cells()
    with _chambers.image_of(program(b"{}"), runtime) as image_id, _chambers.run_folder() as folder:
        plan = _chambers.plan(
            folder / "slots",
            image_id,
            SLOTS,
            timing=Timing.PADDED,
            slot_milliseconds=SLOT_MILLISECONDS,
            start_at=datetime.now(UTC) + LEAD,
            lanes=LANES,
        )
        overslept: list[int] = []
        sleeper = threading.Thread(target=_sleep, args=(SLOTS // LANES, overslept))
        sleeper.start()
        outcomes = _chambers.run(runtime, plan, folder / "slots")
        sleeper.join()
    late = sum(outcome is None for outcome in outcomes)
    bare = Beside(what=f"slots of {SLOTS // LANES} that a bare sleeper misses", value=overslept[0], unit=UNIT)
    return judge([late], unit=UNIT, reach=0, better="less", beside=bare)


def _sleep(slots: int, overslept: list[int]) -> None:
    begin, late = time.monotonic() + LEAD.total_seconds(), 0
    for slot in range(slots):
        due = begin + slot * SLOT_MILLISECONDS / 1000
        time.sleep(max(0.0, due - time.monotonic()))
        late += time.monotonic() - due > SLOT_MILLISECONDS / 2000
    overslept.append(late)
