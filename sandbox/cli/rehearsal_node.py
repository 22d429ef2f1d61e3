"""`safeconduct node rehearse`: a node without data rehearses what a registry's authors submit."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sandbox.cli.common import Directory, now, say, settings_of

if TYPE_CHECKING:
    from sandbox.actions.rehearsal_node import RehearsalNode
    from sandbox.settings import Settings


def rehearse(
    directory: Directory,
    once: Annotated[bool, typer.Option("--once", help="Rehearse what waits now, then end.")] = False,
    seconds: Annotated[float, typer.Option(min=1, help="How long the chambers of one rehearsal may take.")] = 1800,
) -> None:
    """Rehearse submitted algorithms on synthetic twins of the catalogue's datasets, and sign the reports.

    For a node without data that its office accredited with the role rehearsal. Refuses to run where a dataset is.
    """
    from sandbox.actions.rehearsal_node import rehearse_next
    from sandbox.errors import Unreachable

    settings = settings_of(directory)
    check_no_data(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    node = open_rehearsal_node(settings, seconds)
    say(f"Rehearsal node {settings.node} is ready: registry {settings.registry}")
    try:
        while True:
            try:
                done = rehearse_next(node)
            except Unreachable as lost:
                if once:
                    raise
                say(f"{lost.sentence} [{lost.code}]")
                done = False
            if not done and once:
                return
            if not done:
                time.sleep(settings.poll_seconds)
    finally:
        node.registry.close()


def check_no_data(settings: Settings) -> None:
    """Refuse a node that offers a dataset, or ever had one: nothing that hears a chamber runs beside data."""
    from sandbox.errors import Conflict
    from sandbox.store.dataset import list_datasets
    from sandbox.worker.wiring import open_store

    store = open_store(settings)
    with store.reading() as session:
        offered = list_datasets(session)
    store.close()
    if offered or any((settings.directory / "datasets").iterdir()):
        sentence = "Rehearsals do not run beside data; make a node of its own for them, without a dataset."
        raise Conflict("node-has-data", sentence)


def open_rehearsal_node(settings: Settings, seconds: float) -> RehearsalNode:
    """Open the node: its policy, its key, its way to the registry, and how it has a request rehearsed."""
    from sandbox.actions.rehearsal_node import RehearsalNode
    from sandbox.actions.rehearsal_report import Rehearser
    from sandbox.cli.rehearse import software
    from sandbox.cli.rehearsing import rehearse_apart
    from sandbox.hub.registry import Courier, Registry
    from sandbox.worker.wiring import open_trust, read_key

    key = read_key(settings)
    cells = settings.supervisor is not None and settings.chamber_engine == "cell"
    who = Rehearser(name=settings.node, kind="node", software=software(), engine="cell" if cells else "container")
    environment = os.environ | {
        "DOCKER_HOST": settings.docker_url,
        "SAFECONDUCT_OCI_RUNTIME": settings.oci_runtime,
        "SAFECONDUCT_CHAMBER_ENGINE": settings.chamber_engine,
        "SAFECONDUCT_SUPERVISOR": str(settings.supervisor or ""),
    }
    return RehearsalNode(
        who=who,
        key=key,
        policy=open_trust(settings).policy,
        seconds=seconds,
        work=settings.images,
        registry=Registry(Courier(url=settings.registry, node=settings.node, key=key), now=now),
        perform=lambda request, folder: rehearse_apart(request, folder, who, environment),
        now=now,
        tell=say,
    )


def _end(number: int, _frame: object) -> NoReturn:
    """End in good order: what rehearses is ended, and what it left is removed."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(0)
