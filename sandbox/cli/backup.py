"""`safeconduct node backup|restore`: a whole node in one file, and made again from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.common import Directory, JsonFlag, emit, now, read_file, say, settings_of

SECRETS = (
    "It holds the node's private key, the keys that assign people to blocks, its orders and answers: encrypt it, "
    "and keep it where the data may be kept. Not inside: ledger.head, datasets/, images/, a passphrase file. Keep "
    "ledger.head on another disk, and copy datasets/ with your storage's own means."
)


def backup(
    directory: Directory,
    file: Annotated[Path, typer.Argument(help="Where to write the backup; must not exist yet.")],
    as_json: JsonFlag = False,
) -> None:
    """Write a whole node into one file, also while it runs: database, keys, trust roots, policy, settings."""
    from sandbox.actions.backup import back_up
    from sandbox.worker.wiring import open_store

    settings = settings_of(directory)
    store = open_store(settings)
    try:
        made = back_up(store, settings.directory, settings.node, file, now())
    finally:
        store.close()
    say(SECRETS)
    emit(made, as_json)


def restore(
    directory: Directory,
    file: Annotated[Path, typer.Argument(help="What `node backup` wrote.")],
    ledger_head: Annotated[
        Path | None, typer.Option(help="The ledger's head as the lost node wrote it last: ledger.head, kept elsewhere.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a node again from its backup, in a new directory. The lost node must never run again beside it."""
    from sandbox.actions.backup import restore_node
    from sandbox.settings import load_settings

    head = read_file(ledger_head) if ledger_head else None
    made = restore_node(file, directory, head, lambda draft: load_settings(draft).database_url, now())
    for snapshot in made["snapshots_missing"]:
        say(f"Put datasets/{snapshot} back, or add its data set again: orders that need it wait until then.")
    if head is None:
        say("Without the ledger's head the node does not open: `ledger restore prepare`, and two custodians sign.")
    emit({**made, "ledger_head": "given" if head else "missing"}, as_json)


COMMANDS: dict[str, Callable[..., None]] = {"backup": backup, "restore": restore}
