"""Hardened container chambers per second, four in flight, beside plain containers of the same image and engine.

The program is static and ends at once, so this is the price of a chamber itself. Batches of both kinds take turns, so
that a busy moment of the machine falls on both.
"""

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import docker

from benches import _chambers
from benches.harness import Figure, beside, judge, side_by_side

UNIT = "chambers/s"
REACH = ">= 12"
LANES = 4
CHAMBERS = 24  # in a batch
ROUNDS = 5


def measure() -> Figure:
    """Chambers per second of each batch, beside plain containers per second."""
    runtime, batches = _chambers.containers(), itertools.count()
    with _chambers.image_of(_chambers.END_AT_ONCE, runtime) as image_id, _chambers.run_folder() as root:

        def batch() -> None:
            folder = root / str(next(batches))
            _chambers.run(runtime, _chambers.plan(folder, image_id, CHAMBERS, lanes=LANES), folder)

        chambers, plain = side_by_side(batch, lambda: _plain_batch(image_id), rounds=ROUNDS, warm_up=1)
    return judge(
        [CHAMBERS / seconds for seconds in chambers],
        unit=UNIT,
        reach=12,
        better="more",
        beside=beside(f"plain `docker run --rm`, {LANES} in flight", [CHAMBERS / seconds for seconds in plain], UNIT),
    )


def _plain_batch(image_id: str) -> None:
    """What `docker run --rm` does, without a terminal, without network and without any other flag."""
    with (
        closing(docker.DockerClient(base_url=os.environ["DOCKER_HOST"])) as engine,
        ThreadPoolExecutor(LANES) as threads,
    ):
        runs = [
            threads.submit(engine.containers.run, image_id, entrypoint=["/end"], network_mode="none", remove=True)
            for _ in range(CHAMBERS)
        ]
        for run in runs:
            run.result()
