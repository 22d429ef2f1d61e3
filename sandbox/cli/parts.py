"""`safeconduct node run`: run the node in one process, or each part of it in a container of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sandbox.cli.common import Directory, JsonFlag, emit, settings_of
from sandbox.worker.names import Part

if TYPE_CHECKING:
    from sandbox.settings import Settings

Parts = Annotated[
    list[Part] | None, typer.Option("--part", help="Run this part only; repeat for several. Without it, all of them.")
]


def run(directory: Directory, part: Parts = None, as_json: JsonFlag = False) -> None:
    """Run the node until it is told to end: agent, sweeper and worker, in one supervised process or one by one."""
    from sandbox.cli.supervisor import Supervisor
    from sandbox.worker.logs import configure_logs

    settings, parts = settings_of(directory), tuple(part or Part)
    configure_logs(settings.node)

    def ready() -> None:
        if as_json:
            emit({"ready": True, "node": settings.node, "registry": settings.registry, "pid": os.getpid()}, as_json)
        elif part:
            print(f"node {settings.node}, {' and '.join(parts)}, is ready: registry {settings.registry}")
        else:
            print(f"node {settings.node} is ready: registry {settings.registry}, {settings.worker_concurrency} workers")
        sys.stdout.flush()

    if Part.WORKER in parts:
        Supervisor(settings, ready, parts).run()
    else:
        _run_loops(settings, parts, ready)


def _run_loops(settings: Settings, parts: Sequence[Part], ready: Callable[[], None]) -> None:
    """Run parts that start no process, until a signal; what they do may be cut short at any instant."""
    from sandbox.worker.service import Service
    from sandbox.worker.wiring import open_node

    ends = (signal.SIGTERM, signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before the first thread, so that no thread is hit by one
    node = open_node(settings)
    service = Service(node=node, settings=settings)
    service.start(parts)
    ready()
    signal.sigwait(ends)
    service.stop.set()
