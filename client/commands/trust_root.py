"""`safeconduct trust-root`: the data holder says whom a node believes. The node believes nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from client import documents
from client.algorithm_folder import read_toml
from client.commands.common import (
    ForceOption,
    KeysOption,
    OutOption,
    PassphraseFile,
    now,
    read_document,
    signing_keys,
    write_document,
)
from client.console import JsonFlag, emit, pairs
from client.keys import read_public
from protocol.documents.envelope import read_envelope
from protocol.documents.trust_root import TrustRoot

app = typer.Typer(help="Say whom a node believes (data holder).", no_args_is_help=True, rich_markup_mode=None)

File = Annotated[Path, typer.Argument(help="A trust root.")]


@app.command()
def new(
    spec: Annotated[Path, typer.Argument(help="TOML file: holder, root_keys, offices, datasets and their rules.")],
    key: KeysOption,
    out: OutOption,
    days: Annotated[int, typer.Option(help="Valid for so many days from now.")] = 365,
    passphrase_file: PassphraseFile = None,
    force: ForceOption = False,
    as_json: JsonFlag = False,
) -> None:
    """Sign a first trust root with root keys. Keys in the file are paths of …public.json files."""
    fields = read_toml(spec)
    fields["root_keys"] = _keys(fields.get("root_keys", []), spec.parent)
    for owner in (*fields.get("offices", []), *fields.get("custodians", [])):
        owner["keys"] = _keys(owner.get("keys", []), spec.parent)
    fields.setdefault("version", 1)
    fields.setdefault("expires", now() + timedelta(days=days))
    envelope = documents.sign(TrustRoot, fields, signing_keys(key, passphrase_file))
    _written(out, envelope, force=force, as_json=as_json)


@app.command()
def sign(
    file: File,
    key: KeysOption,
    passphrase_file: PassphraseFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a root key holder's signature to a trust root."""
    envelope = read_document(file)
    read_envelope(envelope).untrusted(TrustRoot)
    _written(file, documents.add_signature(envelope, signing_keys(key, passphrase_file)), force=True, as_json=as_json)


@app.command()
def fingerprint(file: File, as_json: JsonFlag = False) -> None:
    """Print the fingerprint that a node's administrator types in from another channel."""
    found = read_envelope(read_document(file))
    root = found.untrusted(TrustRoot)
    data = {"fingerprint": found.digest, "holder": root.holder, "version": root.version}
    emit(data, as_json=as_json, show=lambda console: console.print(found.digest))


def _keys(named: list[Any], folder: Path) -> list[Any]:
    return [read_public(folder / one) if isinstance(one, str) else one for one in named]


def _written(out: Path, envelope: bytes, *, force: bool, as_json: bool) -> None:
    written = write_document(out, envelope, force=force)
    signatures = len(read_envelope(envelope).signatures)
    data = {**written, "fingerprint": written["digest"], "signatures": signatures}
    emit(data, as_json=as_json, show=pairs(data))
