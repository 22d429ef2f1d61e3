"""`safeconduct ledger`: see what a node has spent, and check that nobody rewrote it."""

from __future__ import annotations

import typer

from sandbox.cli.common import Directory, JsonFlag, emit, settings_of
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
