"""A worker that is killed at any instant leaves nothing behind once the reaper has run: counted, thing by thing.

`SAFECONDUCT_KILLS` says how often; ten times by default, each at another random instant.
"""

import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import chamber_help as help_
import docker
import pytest

from sandbox.chambers.runtime import ChamberRuntime

KILLS = int(os.environ.get("SAFECONDUCT_KILLS", "10"))
LATEST_SECONDS = 1.5
TESTS = Path(__file__).parents[1]
WORKER = """
import sys
from pathlib import Path
import chamber_help as help_
name, node, image_id, directory, job, uid_base = sys.argv[1:]
hall = help_.Hall(help_.engine_runtime(name, node), image_id, Path(directory), job)
print("ready", flush=True)
hall.run(["slow", "honest", "never_ends", "daemon"], uid_base=int(uid_base))
"""


@pytest.fixture(params=help_.ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_worker_killed_at_random_instants_leaves_nothing(
    name: str, engine: docker.APIClient, image: help_.Image
) -> None:
    node = f"crash-{name}-{os.getpid()}"
    image_id = help_.engine_runtime(name, node).load_image(image.archive, image.identity)
    seen: set[str] = set()

    for _ in range(KILLS):
        job = f"crash-{uuid.uuid4().hex}"
        for directory in help_.run_directory():
            run_and_kill(name, node, image_id, directory, job)
            containers = containers_of(engine, node)
            seen |= set(containers)
            reap(help_.engine_runtime(name, node))
            assert left(engine, node, directory, containers) == []

    assert seen  # at one of these instants at least, there was something to clear away


def run_and_kill(name: str, node: str, image_id: str, directory: Path, job: str) -> None:
    """Start a worker and kill it at a random instant, with chambers before, in and after their lives."""
    command = [sys.executable, "-c", WORKER, name, node, image_id, str(directory), job, str(help_.FIRST_UID)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == b"ready\n"
        time.sleep(random.SystemRandom().uniform(0, LATEST_SECONDS))
        worker.kill()


def reap(runtime: ChamberRuntime) -> None:
    """What a node does at its start. The engine may still be busy with a request of the dead worker: till it is not."""
    while runtime.reap(()):
        time.sleep(0.2)


def containers_of(engine: docker.APIClient, node: str) -> list[str]:
    """The ids of the node's containers, whatever their state."""
    return [item["Id"] for item in engine.containers(all=True, filters={"label": f"eu.safeconduct.node={node}"})]


def left(engine: docker.APIClient, node: str, directory: Path, containers: list[str]) -> list[str]:
    """Everything of the dead worker's chambers that is still there."""
    mounts = "".join(mountinfo(process) for process in ("self", *engines_processes()))
    groups = [path.name for path in Path("/sys/fs/cgroup").glob("**/*docker*/*") if path.is_dir()]
    marks = [*containers, str(directory)]
    return [
        *(f"container {name}" for name in containers_of(engine, node)),
        *(f"process {process}" for process in help_.living()),
        *(f"mount of {mark}" for mark in marks if mark in mounts),
        *(f"cgroup of {name}" for name in containers if any(name in group for group in groups)),
    ]


def engines_processes() -> Iterator[str]:
    """The engine's processes, which may have mounts that nobody else sees."""
    for process in Path("/proc").glob("[0-9]*/comm"):
        try:
            if process.read_text().strip() in ("dockerd", "containerd"):
                yield process.parent.name
        except OSError:
            continue


def mountinfo(process: str) -> str:
    try:
        return Path("/proc", process, "mountinfo").read_text()
    except OSError:
        return ""
