"""Names that the supervisor and the worker share."""

from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

READY_FILE = "worker.ready"  # in the run directory; holds the process id of the worker that is ready
ALIVE = "alive"  # in the run directory; a folder with a file for each part, touched as long as it lives
LOCK_FILE = "node.lock"  # in the run directory; held by the one `node run` of this node


def owner_name(machine: str, worker: int, process: int) -> str:
    """The name under which one process of a worker claims jobs."""
    return f"{owner_prefix(machine, worker)}{process}"


def owner_prefix(machine: str, worker: int) -> str:
    """What the names of all processes of one worker begin with."""
    return f"{machine}:{worker}:"


class Part(StrEnum):
    """What of a node may run in a process, a container or a machine of its own."""

    AGENT = "agent"  # speaks with the registry
    SWEEPER = "sweeper"  # rings for what is due: database and broker are all that it reaches
    WORKER = "worker"  # does the steps of jobs: the only one that reaches the Docker engine and the data


LOOPS: Mapping[Part, tuple[str, ...]] = {
    Part.AGENT: ("agent", "teller"),
    Part.SWEEPER: ("relay", "sweeper"),
    Part.WORKER: ("reaper", "janitor", "checker"),
}


def show_alive(run_directory: Path, name: str) -> None:
    """Show a health check that a part has said in the database that it lives; a full disk is not its end."""
    with suppress(OSError):
        (run_directory / ALIVE).mkdir(mode=0o700, exist_ok=True)
        (run_directory / ALIVE / name).touch()
