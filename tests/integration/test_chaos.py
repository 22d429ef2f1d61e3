"""Whatever dies, freezes, forgets or fills up: every job ends, is charged once and released once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos_place import Chaos
from databases import Database

pytestmark = [pytest.mark.docker, pytest.mark.slow]

JOBS = 8  # 200 in `make bench CHAOS=1`


@pytest.fixture
def chaos(tmp_path: Path, database: Database) -> Iterator[Chaos]:
    made = Chaos(tmp_path, database=database.url, seed=5)
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_every_job_is_charged_once_and_released_once_whatever_dies(chaos: Chaos) -> None:
    chaos.order(JOBS // 2)
    chaos.order(JOBS // 2, seconds=1)
    faults = [chaos.kill_workers, chaos.flush, chaos.freeze_worker, chaos.lose_registry, chaos.jump]
    faults += [chaos.ring_twice, chaos.lose_redis, chaos.kill_node, chaos.kill_workers]
    for fault in faults:
        fault()

    chaos.finish(120)

    chaos.check()
