"""A two-second numpy job in a chamber of a cell, over the same job of the same image as a bare process in its root.

Both run four times in a row on one core; the start of the cell counts.
"""

import itertools
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import docker

from benches import _chambers
from benches.harness import CannotMeasureError, Figure, beside, judge, side_by_side

UNIT = "ratio"
REACH = "<= 1.05"
TIMES = 4
ROUNDS = 5
JOB = (
    "import numpy\nmatrix = numpy.random.default_rng(1).random((500, 500))\nfor _ in range(4): numpy.linalg.svd(matrix)"
)
COMMAND = ("/usr/bin/python3", "-I", "-c", JOB)
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HOME": "/tmp", "PATH": "/usr/bin:/usr/sbin"}


def measure() -> Figure:
    """The ratio of each pair of rounds."""
    if os.geteuid() != 0:
        raise CannotMeasureError("the bare process runs in the image's root, which takes root: run it as root")
    runtime, image_id, batches = _chambers.cells(), _chambers.base_image(), itertools.count()
    with _chambers.run_folder() as root, _unpacked(image_id) as bare_root:

        def chamber() -> None:
            folder = root / str(next(batches))
            plan = _chambers.plan(folder, image_id, TIMES, entrypoint=COMMAND, lanes=1, memory_bytes=512 << 20)
            _chambers.run(runtime, plan, folder)

        def bare() -> None:
            for _ in range(TIMES):
                subprocess.run(["chroot", str(bare_root), *COMMAND], env=ENVIRONMENT, check=True)

        inside, outside = side_by_side(chamber, bare, rounds=ROUNDS, warm_up=1)
    return judge(
        [one / other for one, other in zip(inside, outside, strict=True)],
        unit=UNIT,
        reach=1.05,
        better="less",
        beside=beside("the bare process", [seconds / TIMES for seconds in outside], "s"),
    )


@contextmanager
def _unpacked(image_id: str) -> Iterator[Path]:
    """The image's root as a folder."""
    with (
        tempfile.TemporaryDirectory(prefix="safeconduct-bench-") as folder,
        closing(docker.APIClient(base_url=_chambers.engine_url())) as engine,
    ):
        created = engine.create_container(image_id, command=["/nothing"])
        try:
            archive = Path(folder) / "root.tar"
            with archive.open("wb") as written:
                for chunk in engine.export(created):
                    written.write(chunk)
        finally:
            engine.remove_container(created)
        root = Path(folder) / "root"
        with tarfile.open(archive) as tar:
            tar.extractall(root, filter="tar")
        yield root
