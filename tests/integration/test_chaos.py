"""Whatever dies, freezes, forgets or fills up: every job ends, is charged once and released once."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos_place import RHO, Chaos, FullDisk
from databases import Database
from killable_engine import KillableEngine
from node_lab import wait_for

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


@pytest.fixture
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillableEngine]:
    """An engine that the test may restart."""
    made = KillableEngine(tmp_path_factory.mktemp("engine"))
    try:
        yield made
    finally:
        made.close()


def test_engine_that_is_restarted_amid_a_run_costs_time_only(tmp_path: Path, engine: KillableEngine) -> None:
    chaos = Chaos(tmp_path, engine=engine.url, seed=6)
    try:
        chaos.start()
        chaos.order(3, seconds=4)
        chaos.wait_for_state("running")
        engine.kill()
        time.sleep(3)
        engine.run()

        chaos.finish(120)

        chaos.check()
    finally:
        chaos.close()


def test_image_that_brings_the_engine_down_each_time_ends_after_three_runs(
    tmp_path: Path, engine: KillableEngine
) -> None:
    """What an image might do to its engine has no end; so each of its chambers has the engine die under it."""
    chaos = Chaos(tmp_path, engine=engine.url, seed=9)
    try:
        chaos.start()
        chaos.order(1, seconds=8)
        for run in range(3):
            wait_for(lambda run=run: len(chaos.attempts()) > run or None, 60, f"run {run + 1}")
            engine.crash()
            engine.run()
        chaos.finish(60)

        receipt = chaos.lab.receipt(chaos.orders[0])
        assert (receipt.decision, receipt.rho_charged_nano) == ("failed", RHO)
        assert [entry["order"] for entry in chaos.lab.ledger()["entries"]] == chaos.orders
        chaos.check_nothing_left()
        chaos.order(1)  # of another image
        chaos.finish(60)
        assert chaos.lab.receipt(chaos.orders[1]).decision == "released"
    finally:
        chaos.close()


@pytest.mark.parametrize("full", ["staging", "database"])
def test_full_disk_is_waited_out(tmp_path: Path, full: str) -> None:
    database = FullDisk(tmp_path / "small", 40)
    chaos = Chaos(tmp_path, database=f"sqlite:///{database.path / 'node.db'}", seed=7)
    staging = FullDisk(chaos.run_directory, 40)
    disk = staging if full == "staging" else database
    try:
        chaos.start()
        chaos.order(1)
        chaos.finish(60)
        disk.fill()
        chaos.order(3)
        time.sleep(4)
        assert chaos.count_over() == 1  # nothing was refused or failed for want of room
        disk.empty()

        chaos.finish(120)

        chaos.check()
    finally:
        chaos.close()
        for each in (database, staging):
            each.close()
