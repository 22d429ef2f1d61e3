"""What several commands share: options, reading and writing of document files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client.errors import Conflict, UsageProblem
from client.keys import passphrase_asker, read_signing
from protocol.crypto.keys import PrivateKey
from protocol.documents.envelope import read_envelope
from protocol.documents.limits import DOCUMENT_BYTES

if TYPE_CHECKING:
    from client.client import Client

KeyOption = Annotated[
    str | None, typer.Option("--key", help="Name of your key; without it, the profile's.", show_default=False)
]
KeysOption = Annotated[
    list[Path], typer.Option("--key", help="Private key file to sign with; repeat for several.", show_default=False)
]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with the passphrase (mode 0600).", show_default=False)
]
RegistryOption = Annotated[
    str | None, typer.Option("--registry", help="Address of the registry; without it, the profile's.")
]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="File to write the signed document to.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]


def person(home: Path | None, key: str | None, passphrase: Path | None, registry: str | None = None) -> Client:
    """Return the client for whoever is at the keyboard."""
    from client.client import Client  # heavy: commands that ask no registry do without it

    return Client(home, registry=registry, key=key, passphrase=passphrase_asker(passphrase))


def signing_keys(paths: list[Path], passphrase: Path | None) -> list[PrivateKey]:
    """Read the keys that were named on the command line."""
    ask = passphrase_asker(passphrase)
    return [read_signing(path, ask) for path in paths]


def read_document(path: Path) -> bytes:
    """Read a document's bytes, no more than a document may have."""
    try:
        with path.open("rb") as stream:
            return stream.read(DOCUMENT_BYTES + 1)
    except FileNotFoundError as missing:
        raise UsageProblem("file-missing", f"There is no file {path}. Check the path.") from missing


def write_document(path: Path, envelope: bytes, *, force: bool) -> dict[str, Any]:
    """Write a signed document, whole or not at all, and say where it is and what its digest is."""
    write_file(path, envelope, force=force)
    return {"file": str(path), "digest": read_envelope(envelope).digest}


def write_file(path: Path, content: bytes, *, force: bool) -> None:
    """Write a file, whole or not at all; refused where there is one already."""
    if path.exists() and not force:
        raise Conflict("file-exists", f"{path} is already there and is kept. Choose another name or say --force.")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def read_json(path: Path) -> Any:
    """Read a JSON file, or say what is wrong with it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise UsageProblem("file-missing", f"There is no file {path}. Check the path.") from missing
    except ValueError as problem:
        raise UsageProblem("json-malformed", f"{path} is not valid JSON: {problem}. Correct it.") from problem


def now() -> datetime:
    """The time of a signature."""
    return datetime.now(UTC)
