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
def export(
    directory: Directory,
    out: Annotated[Path, typer.Option(help="File to write.")],
    public: Annotated[
        bool, typer.Option(help="Leave out what names people: projects, orders, nonces; days for moments.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write the whole ledger as one signed file that anybody checks offline with `ledger verify FILE`."""
    from sandbox.actions.clock import GuardedClock, wall_clock
    from sandbox.actions.export_ledger import export_ledger
    from sandbox.worker.wiring import open_store, read_key

    settings = settings_of(directory)
    store = open_store(settings)
    moment = GuardedClock(store, wall_clock).now()
    raw = export_ledger(store, settings.node, read_key(settings), moment, public=public)
    store.close()
    out.write_bytes(raw)
    emit({"file": str(out), "bytes": len(raw), "public": public}, as_json)


@app.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="An exported ledger; without it, see --dir.")] = None,
    directory: Annotated[Path | None, typer.Option("--dir", help="The node's directory, for its own ledger.")] = None,
    receipt: Annotated[list[Path] | None, typer.Option(help="A receipt that must be on the chain; repeat.")] = None,
    key_id: Annotated[str | None, typer.Option(help="The id of the node's key, as its accreditation has it.")] = None,
    trust_root: Annotated[Path | None, typer.Option(help="The holder's trust root, to check policies as well.")] = None,
    fingerprint: Annotated[str | None, typer.Option(help="Its fingerprint, told over another channel.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Follow the chain, add up every account, check caps and receipts: of an exported file or a node's ledger."""
    from sandbox.errors import BadInput

    if (file is None) == (directory is None):
        raise BadInput("ledger-unnamed", "Name one ledger: an exported FILE, or a node's own with --dir.")
    if file is not None:
        from protocol.trust.root import open_trust_root
        from sandbox.actions.export_ledger import check_file

        root = open_trust_root(read_file(trust_root), fingerprint or "") if trust_root else None
        receipts = [read_file(path) for path in receipt or []]
        emit(check_file(read_file(file), receipts, root=root, key_id=key_id), as_json)
        return
    assert directory is not None
    _verify_own(directory, as_json)


def _verify_own(directory: Path, as_json: bool) -> None:
    from sandbox.actions.init import LEDGER_HEAD
    from sandbox.actions.show_ledger import verify_ledger
    from sandbox.worker.wiring import open_store

    settings = settings_of(directory)
    store = open_store(settings)
    head = verify_ledger(store, settings.directory / LEDGER_HEAD)
    store.close()
    emit({"node": settings.node, "entries": head.sequence, "head": head.digest, "verified": True}, as_json)
