"""The Celery worker of one node: `python -m sandbox.worker DIRECTORY`. Started and watched by `node run`.

The main process loads the heavy libraries once and forks; each child opens the node for itself, because database and
engine connections must not cross a fork.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

from celery import signals

from sandbox.actions.node import Node
from sandbox.actions.tick import tick
from sandbox.settings import load_settings
from sandbox.worker.app import TASK, make_app, queue_name
from sandbox.worker.beats import start_beats
from sandbox.worker.logs import configure_logs
from sandbox.worker.names import READY_FILE, owner_name
from sandbox.worker.wiring import open_node

PR_SET_PDEATHSIG = 1


def main(directory: Path) -> None:
    """Run the worker until it is told to end, or until its supervisor is gone."""
    _end_with_supervisor()
    settings = load_settings(directory)
    configure_logs(settings.node)
    app = make_app(settings)
    _load_libraries()
    nodes: list[Node] = []

    def _open(**_: object) -> None:
        node = open_node(settings)
        start_beats(node, owner_name(settings.machine, os.getppid(), os.getpid()))
        nodes.append(node)

    def _say_ready(**_: object) -> None:
        (settings.run_directory / READY_FILE).write_text(str(os.getpid()))

    def _tick(job_id: str) -> None:
        tick(nodes[0], job_id, owner_name(settings.machine, os.getppid(), os.getpid()))

    signals.worker_process_init.connect(_open, weak=False)
    signals.worker_ready.connect(_say_ready, weak=False)
    app.task(_tick, name=TASK)
    options = ["--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    queues = f"{queue_name(settings)},{queue_name(settings, settings.machine)}"
    name = f"--hostname={settings.node}@{settings.machine}"
    app.worker_main(["--quiet", "worker", "--pool=prefork", f"--queues={queues}", name, *options])


def _end_with_supervisor() -> None:
    """Ask the kernel for SIGTERM when the supervisor dies, so that nothing is left behind by its `kill -9`."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        sys.exit(1)


def _load_libraries() -> None:
    """Import before the fork what every job needs."""
    import sandbox.chambers.container
    import sandbox.data.stage
    import sandbox.gate.releasing
    import sandbox.hub.registry  # noqa: F401


if __name__ == "__main__":
    main(Path(sys.argv[1]))
