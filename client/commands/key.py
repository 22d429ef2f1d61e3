"""`safeconduct key`: the keys a person signs and receives with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from client.commands.key_passkey import passkey
from client.console import JsonFlag, emit, pairs
from client.errors import UsageProblem
from client.home import HomeOption, read_profile
from client.keys import KeyFiles, make, passphrase_asker, read_signing
from protocol.documents.key_proof import make_request

app = typer.Typer(help="Make the keys you sign and receive with.", no_args_is_help=True, rich_markup_mode=None)
app.command("passkey")(passkey)

PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with the passphrase (mode 0600).", show_default=False)
]


@app.callback()
def _noun() -> None:
    """Make the keys you sign and receive with."""


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the key, e.g. your own.")] = "me",
    out: Annotated[Path | None, typer.Option(help="Folder; without it, keys/ of your profile.")] = None,
    passphrase_file: PassphraseFile = None,
    no_passphrase: Annotated[bool, typer.Option("--no-passphrase", help="Leave the signing key unencrypted.")] = False,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make an Ed25519 signing key and an HPKE recipient key, readable by you only."""
    files = KeyFiles(folder=out or read_profile(home).keys, name=name)
    passphrase = None if no_passphrase else passphrase_asker(passphrase_file, confirm=True)()
    if passphrase == b"":
        raise UsageProblem("passphrase-empty", "The passphrase is empty. Choose one, or say --no-passphrase.")
    public = make(files, passphrase)
    written = {"key": str(files.signing), "public_key": str(files.public), "recipient": str(files.recipient)}
    emit({**public, **written}, as_json=as_json, show=pairs({**written, "keyid": public["keyid"]}))


@app.command()
def prove(
    subject: Annotated[str, typer.Option(help="Your identifier, as the office is to know you.")],
    office: Annotated[str, typer.Option(help="Identifier of the accreditation office.")],
    name: Annotated[str, typer.Argument(help="Name of the key.")] = "me",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File; without it, beside the key.")] = None,
    passphrase_file: PassphraseFile = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the request that an office needs: your public key, and the proof that you hold the private one."""
    files = KeyFiles(folder=read_profile(home).keys, name=name)
    key = read_signing(files.signing, passphrase_asker(passphrase_file))
    request = make_request([key], subject, office)
    path = out or files.folder / f"{name}.request.json"
    path.write_text(json.dumps(request.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    written = {"request": str(path), "subject": subject, "office": office, "keyid": key.public.keyid}
    emit(written, as_json=as_json, show=pairs(written))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the key.")] = "me",
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Print the public half of a key. An office wants it proved: see `safeconduct key prove`."""
    path = KeyFiles(folder=read_profile(home).keys, name=name).public
    if not path.exists():
        raise UsageProblem("key-missing", f"There is no key {path}. Make one with `safeconduct key new {name}`.")
    public = json.loads(path.read_text(encoding="utf-8"))
    emit(public, as_json=as_json, show=lambda console: console.print_json(json.dumps(public)))
