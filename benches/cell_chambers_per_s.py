"""Chambers per second in cells, a static program that ends at once, beside bare fork and exec of the same program.

Where bubblewrap is installed, its figure is told as well: namespaces and mounts, and none of the rest.

A batch's time includes the start and the end of its two cells, as a job's does.
"""

import itertools
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benches import _chambers
from benches.harness import Figure, beside, judge, seconds, side_by_side

UNIT = "chambers/s"
REACH = ">= 500"
CHAMBERS = 2000  # in a batch, in two lanes
BARE = 400
ROUNDS = 5


def measure() -> Figure:
    """Chambers per second of each batch, beside processes per second, two at a time."""
    runtime, batches = _chambers.cells(), itertools.count()
    with _chambers.image_of(_chambers.END_AT_ONCE, runtime) as image_id, _chambers.run_folder() as root:
        program = root / "end"
        program.write_bytes(_chambers.END_AT_ONCE)
        program.chmod(0o755)

        def batch() -> None:
            folder = root / str(next(batches))
            _chambers.run(runtime, _chambers.plan(folder, image_id, CHAMBERS), folder)

        chambers, bare = side_by_side(batch, lambda: run_bare(program, BARE), rounds=ROUNDS, warm_up=1)
        wrapped = _wrapped(program)
    return judge(
        [CHAMBERS / spent for spent in chambers],
        unit=UNIT,
        reach=500,
        better="more",
        beside=beside(f"bare fork and exec, two at a time; {wrapped}", [BARE / spent for spent in bare], UNIT),
    )


def _wrapped(program: Path) -> str:
    """What bubblewrap reaches in the same minute, in words."""
    found = shutil.which("bwrap")
    if found is None:
        return "bubblewrap is not installed"
    seal = (
        "--unshare-all",
        "--die-with-parent",
        "--cap-drop",
        "ALL",
        "--ro-bind",
        str(program),
        "/end",
        "--tmpfs",
        "/tmp",
    )
    spent = seconds(lambda: run_bare(Path(found), BARE, *seal, "/end"))
    return f"bubblewrap {BARE / spent:.3g}/s"


def run_bare(program: Path, times: int, *arguments: str) -> None:
    """Run a program so often, two at a time."""
    with ThreadPoolExecutor(2) as threads:
        for ended in [threads.submit(subprocess.run, [program, *arguments], check=True) for _ in range(times)]:
            ended.result()
