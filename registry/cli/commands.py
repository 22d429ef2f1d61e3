"""`safeconduct registry`: make a registry, and run it."""

import json
import sys
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
    as_json: Json = False,
) -> None:
    """Make a registry in a new folder."""
    from registry import folder

    made = folder.create(directory, dict(_named(each) for each in office), tuple(url or ()), database)
    if as_json:
        typer.echo(json.dumps({"directory": str(made.directory), "offices": sorted(made.offices)}))
    _say(f"Registry made in {made.directory} for {', '.join(sorted(made.offices))}.")


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


def _named(option: str) -> tuple[str, Path]:
    name, separator, path = option.partition("=")
    if not (name and separator and path):
        raise errors.Misconfigured("office-option", f"--office {option} is not NAME=FILE.")
    return name, Path(path)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
