"""`safeconduct status`: the office says what no longer counts. Without a live status no node runs anything."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from client import documents
from client.commands.common import (
    ForceOption,
    KeysOption,
    OutOption,
    PassphraseFile,
    RegistryOption,
    now,
    signing_keys,
    write_document,
)
from client.commands.publish import publish_after
from client.console import JsonFlag, emit, pairs
from client.home import HomeOption
from protocol.documents.status import Status

app = typer.Typer(help="Say what is revoked (accreditation office).", no_args_is_help=True, rich_markup_mode=None)

Named = Annotated[list[str] | None, typer.Option(show_default=False)]


@app.callback()
def _noun() -> None:
    """Say what is revoked (accreditation office)."""


@app.command()
def issue(
    office: Annotated[str, typer.Argument(help="Identifier of the issuing office.")],
    key: KeysOption,
    version: Annotated[int, typer.Option(help="Higher than every one before.")],
    out: OutOption,
    days: Annotated[float, typer.Option(help="Valid for so many days from now, at most 7.")] = 7,
    revoke_person: Named = None,
    revoke_key: Named = None,
    revoke_roster: Named = None,
    revoke_approval: Named = None,
    revoke_algorithm: Named = None,
    revoke_node: Named = None,
    publish: Annotated[bool, typer.Option("--publish", help="Send it to the registry as well.")] = False,
    registry: RegistryOption = None,
    passphrase_file: PassphraseFile = None,
    home: HomeOption = None,
    force: ForceOption = False,
    as_json: JsonFlag = False,
) -> None:
    """Sign the list of everything that is revoked now; what is not in it counts again."""
    revoked = {
        "persons": revoke_person or [],
        "keys": revoke_key or [],
        "rosters": revoke_roster or [],
        "approvals": revoke_approval or [],
        "algorithms": revoke_algorithm or [],
        "nodes": revoke_node or [],
    }
    start = now()
    fields = {"office": office, "version": version, "issued": start, "expires": start + timedelta(days=days)}
    envelope = documents.sign(Status, {**fields, "revoked": revoked}, signing_keys(key, passphrase_file))
    written = write_document(out, envelope, force=force)
    if publish:
        publish_after(home, registry, "statuses", envelope)
    emit(written, as_json=as_json, show=pairs(written))
