"""`safeconduct ledger`: see what a node has spent, and check that nobody rewrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.common import Directory, JsonFlag, emit, read_file, settings_of
from sandbox.cli.restore import app as restore

app = typer.Typer(help="See what a node has spent.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(restore, name="restore")


@app.callback()
def _noun() -> None:
    """See what a node has spent."""


@app.command()
def show(directory: Directory, as_json: JsonFlag = False) -> None:
    """List every charge, and what is spent and left of each cap."""
    from sandbox.actions.show_ledger import show_ledger
    from sandbox.worker.wiring import open_store, open_trust

    settings = settings_of(directory)
    store = open_store(settings)
    found = show_ledger(store, open_trust(settings).policy)
    store.close()
    emit({"node": settings.node, **found}, as_json)


@app.command()
def preview(
    directory: Directory,
    bundle: Annotated[Path, typer.Argument(help="An order with its evidence, as the registry hands it out.")],
    as_json: JsonFlag = False,
) -> None:
    """Say what an order would be charged here, or why it would be refused. Nothing is written or promised."""
    from sandbox.actions.preview import preview as look
    from sandbox.worker.wiring import open_node

    node = open_node(settings_of(directory))
    found = look(node, read_file(bundle))
    node.store.close()
    emit(found, as_json)


@app.command()
def verify(directory: Directory, as_json: JsonFlag = False) -> None:
    """Follow the chain of charges, add up every account again, and compare with the head outside the database."""
    from sandbox.actions.init import LEDGER_HEAD
    from sandbox.actions.show_ledger import verify_ledger
    from sandbox.worker.wiring import open_store

    settings = settings_of(directory)
    store = open_store(settings)
    head = verify_ledger(store, settings.directory / LEDGER_HEAD)
    store.close()
    emit({"node": settings.node, "entries": head.sequence, "head": head.digest, "verified": True}, as_json)
