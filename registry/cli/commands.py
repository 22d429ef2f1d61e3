"""`safeconduct registry`: make a registry, and run it."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from registry import errors

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

Directory = Annotated[Path, typer.Option("--dir", help="Folder of the registry.")]
Json = Annotated[bool, typer.Option("--json", help="Write what happened as JSON on standard output.")]


@app.callback()
def registry() -> None:
    """Run the registry: a courier and notary that is trusted with nothing else."""


@app.command()
def init(
    directory: Directory,
    office: Annotated[
        list[str], typer.Option(help="NAME=FILE: an accreditation office and its public keys; may be repeated.")
    ],
    url: Annotated[
        list[str] | None, typer.Option(help="Address by which others reach this registry; may be repeated.")
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="SQLAlchemy URL; a SQLite file in the folder if left out.")
    ] = None,
    log_passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the passphrase under which the log's key is kept.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a registry in a new folder. Prints the key of its transparency log, for trust roots to pin."""
    from protocol.documents.checkpoint import verifier_key
    from protocol.documents.key import Key
    from registry import folder

    offices = dict(_named(each) for each in office)
    made = folder.create(directory, offices, tuple(url or ()), database, log_passphrase_file)
    log = {"log_key": Key.of(made.log_key).model_dump(mode="json"), "log_verifier_key": verifier_key(made.log_key)}
    if as_json:
        typer.echo(json.dumps({"directory": str(made.directory), "offices": sorted(made.offices), **log}))
    else:
        typer.echo(json.dumps(log["log_key"]))
    _say(f"Registry made in {made.directory} for {', '.join(sorted(made.offices))}.")
    _say(f"Trust roots pin the key of its log, {made.directory / folder.LOG_PUBLIC}, as log_key.")


@app.command()
def run(
    directory: Directory,
    port: Annotated[int | None, typer.Option(help="TCP port on the loopback interface; 0 chooses one.")] = None,
    host: Annotated[str | None, typer.Option(help="Interface to listen on.")] = None,
    uds: Annotated[Path | None, typer.Option(help="Unix socket to listen on instead.")] = None,
    as_json: Json = False,
) -> None:
    """Run the registry until it is told to stop."""
    from registry.cli import server

    server.serve(directory, {"port": port, "host": host, "uds": uds}, as_json=as_json)


@app.command()
def erase(
    directory: Directory,
    document: Annotated[str, typer.Option(help="Digest of the document.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")],
    as_json: Json = False,
) -> None:
    """Erase a document and what opens its entry in the log. The entry stays, and every proof stays valid."""
    from registry import settings
    from registry.actions import log
    from registry.store import schema
    from registry.store.base import Store

    store = Store(settings.load(directory, {}).database)
    schema.upgrade(store.engine)
    position = log.erase(store, document, reason, datetime.now(UTC))
    store.close()
    if as_json:
        typer.echo(json.dumps({"document": document, "erased": True, "entry": position}))
    _say(f"The document {document} is erased; entry {position} of the log no longer opens. Backups are yours to purge.")


def _named(option: str) -> tuple[str, Path]:
    name, separator, path = option.partition("=")
    if not (name and separator and path):
        raise errors.Misconfigured("office-option", f"--office {option} is not NAME=FILE.")
    return name, Path(path)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
