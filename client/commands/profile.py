"""`safeconduct profile`: who you are, where the registry is, which key you use."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from client.commands.common import KeyOption, PassphraseFile, RegistryOption, person
from client.console import JsonFlag, emit, pairs
from client.home import HomeOption, Profile, read_profile, write_profile

app = typer.Typer(help="Say who you are: registry, person, keys.", no_args_is_help=True, rich_markup_mode=None)


@app.command("set")
def set_(
    registry: Annotated[str | None, typer.Option(help="Address of the registry (https://…).")] = None,
    person: Annotated[str | None, typer.Option(help="Your identifier in your accreditation.")] = None,
    key: Annotated[str | None, typer.Option(help="Name of the key you use (see `key new`).")] = None,
    trust_root: Annotated[Path | None, typer.Option(help="Trust root used to check receipts.")] = None,
    fingerprint: Annotated[str | None, typer.Option(help="Its fingerprint, from another channel.")] = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change settings; what is not given stays."""
    root = str(trust_root.resolve()) if trust_root else None
    profile = write_profile(
        read_profile(home), registry=registry, person=person, key=key, trust_root=root, fingerprint=fingerprint
    )
    _emit(profile, as_json=as_json)


@app.command("show")
def show(home: HomeOption = None, as_json: JsonFlag = False) -> None:
    """Print the settings."""
    _emit(read_profile(home), as_json=as_json)


@app.command("web-login")
def web_login(
    key: KeyOption = None,
    registry: RegistryOption = None,
    passphrase_file: PassphraseFile = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show your accredited key, and get an address at which you register a passkey for the registry's pages."""
    with person(home, key, passphrase_file, registry) as me:
        invitation = me.registry.invitation()
    emit(invitation, as_json=as_json, show=pairs(invitation))


def _emit(profile: Profile, *, as_json: bool) -> None:
    settings = {name: str(value) if value is not None else None for name, value in asdict(profile).items()}
    emit(settings, as_json=as_json, show=pairs(settings))
