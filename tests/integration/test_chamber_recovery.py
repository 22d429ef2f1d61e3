"""Chambers outlive the process that started them, and nothing of them outlives their job."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import chamber_help as help_
import docker
import pytest

from sandbox.chambers.runtime import ChamberRuntime
from sandbox.domain.chamber import Timing
from sandbox.errors import InfrastructureLost, Unreachable

Another = Callable[[], ChamberRuntime]
NODE = f"recovery-{os.getpid()}"
TESTS = Path(__file__).parents[1]
# A worker of its own: it runs the plan of three chambers that the test lays, and is killed in the middle.
WORKER = """
import sys
from pathlib import Path
import chamber_help as help_
engine, node, image_id, directory, job, uid_base = sys.argv[1:]
hall = help_.Hall(help_.engine_runtime(engine, node), image_id, Path(directory), job)
print("ready", flush=True)
hall.run(["slow", "slow", "honest"], uid_base=int(uid_base))
"""


@pytest.fixture(params=help_.ENGINES)
def kind(request: pytest.FixtureRequest) -> str:
    """Which engine of chambers."""
    return str(request.param)


@pytest.fixture
def another(kind: str) -> Callable[[], ChamberRuntime]:
    """Make the runtime of the next tick, which remembers nothing."""
    return lambda: help_.engine_runtime(kind, NODE)


@pytest.fixture
def hall(engine: docker.APIClient, image: help_.Image, another: Another) -> Iterator[help_.Hall]:
    job = f"recovery-{uuid.uuid4().hex}"
    for directory in help_.run_directory():
        runtime = another()
        hall = help_.Hall(runtime, runtime.load_image(image.archive, image.identity), directory, job)
        try:
            yield hall
            help_.check_nothing_left(hall, engine, job)
        finally:
            hall.runtime.reap(())


def test_chamber_left_running_is_picked_up_by_the_next_slice(hall: help_.Hall, another: Another) -> None:
    plan = hall.plan(["slow", "honest", "slow"])

    assert hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(1)) == 0
    assert another().run_slice(plan, 0, hall.outputs, help_.in_seconds(250)) == 3

    assert hall.runtime.collect(hall.outputs, 3) == [help_.HONEST] * 3


def test_resumed_chamber_is_killed_by_its_own_start(hall: help_.Hall, another: Another) -> None:
    plan = hall.plan(["never_ends"], slot_seconds=4)
    start = time.monotonic()

    assert hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(2)) == 0
    assert another().run_slice(plan, 0, hall.outputs, help_.in_seconds(250)) == 1

    assert hall.runtime.collect(hall.outputs, 1) == [None]
    assert time.monotonic() - start >= 4


def test_padded_chamber_left_running_is_read_when_its_slot_ends(hall: help_.Hall, another: Another) -> None:
    plan = hall.plan(["slow"], timing=Timing.PADDED, slot_seconds=hall.short_slot() + 4, start_at=help_.in_seconds(0.2))

    assert hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(1.5)) == 0
    assert another().run_slice(plan, 0, hall.outputs, help_.in_seconds(250)) == 1

    assert hall.runtime.collect(hall.outputs, 1) == [help_.HONEST]


def test_chamber_that_ended_between_slices_but_after_its_slot_yields_nothing(
    hall: help_.Hall, another: Another
) -> None:
    plan = hall.plan(["slow"], slot_seconds=1)
    assert hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(0.1)) == 0
    wait_for_end(plan.job)

    assert another().run_slice(plan, 0, hall.outputs, help_.in_seconds(250)) == 1

    assert hall.runtime.collect(hall.outputs, 1) == [None]


def wait_for_end(job: str) -> None:
    """Wait until a job's only container has ended by itself."""
    with closing(docker.APIClient(base_url=help_.engine_url())) as client:
        (found,) = client.containers(all=True, filters={"label": f"eu.safeconduct.job={job}"})
        client.wait(found, timeout=120)


def test_higher_fence_removes_the_lower_one_and_runs_again(hall: help_.Hall, another: Another) -> None:
    plan = hall.plan(["never_ends", "honest"], lanes=1)
    hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(1.5))
    (hall.directory / "blocks" / "000000" / "role").write_text("honest")
    taken_over = hall.plan([None], fence=2, block_dirs=plan.block_dirs)

    assert another().remove_below(plan.job, 2) == 1
    assert another().run_slice(taken_over, 0, hall.outputs, help_.in_seconds(250)) == 2

    assert hall.runtime.collect(hall.outputs, 2) == [help_.HONEST] * 2


@pytest.mark.parametrize("call", ["create", "start", "wait"])
def test_engine_that_dies_of_a_chamber_is_lost_and_one_that_is_away_is_waited_for(
    hall: help_.Hall, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Waiting has no end: an image that brings its engine down would do so for ever."""
    plan, engine = hall.plan(["honest"]), hall.runtime._engine  # type: ignore[attr-defined]

    def gone(*_: object) -> None:
        raise Unreachable("engine-unreachable", "The engine went away.")

    monkeypatch.setattr(engine, call, gone)
    with pytest.raises(InfrastructureLost) as lost:
        hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(20))
    monkeypatch.undo()
    monkeypatch.setattr(engine, "containers", gone)
    with pytest.raises(Unreachable):
        hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(20))
    monkeypatch.undo()

    assert (lost.value.code, isinstance(lost.value, Unreachable)) == ("engine-died", False)
    assert hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(60)) == 1


def test_reaper_spares_live_jobs_and_other_nodes(hall: help_.Hall, another: Another, kind: str) -> None:
    plan = hall.plan(["never_ends"])
    hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(1.5))

    assert help_.engine_runtime(kind, f"{NODE}-other").reap(()) == 0
    assert another().reap({plan.job}) == 0
    assert another().reap({"another-job"}) == 1
    hall.run([None], fence=2)


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.5, 1.0, 2.3])
def test_worker_killed_at_any_moment_leaves_a_job_that_can_go_on(
    hall: help_.Hall, another: Another, kind: str, seconds: float
) -> None:
    roles = ["slow", "slow", "honest"]
    plan = hall.plan(roles)
    command = [sys.executable, "-c", WORKER, kind, NODE, plan.image_id]
    command += [str(hall.directory), plan.job, str(plan.uid_base)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as worker:
        assert worker.stdout
        worker.stdout.readline()
        time.sleep(seconds)
        worker.kill()

    assert another().run_slice(plan, 0, hall.outputs, help_.in_seconds(250)) == 3
    assert hall.runtime.collect(hall.outputs, 3) == [help_.HONEST] * 3
