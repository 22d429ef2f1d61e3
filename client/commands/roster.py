"""`safeconduct roster`: the office says who sits in a committee. It may tighten the holder's rule, never loosen it."""

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
    RegistryOption,
    now,
    signing_keys,
    write_document,
)
from client.commands.publish import publish_after
from client.console import JsonFlag, emit, pairs
from client.errors import UsageProblem
from client.home import HomeOption
from client.keys import read_public
from protocol.documents.roster import Roster

app = typer.Typer(help="Say who sits in a committee.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _noun() -> None:
    """Say who sits in a committee (accreditation office)."""


@app.command()
def issue(
    spec: Annotated[Path, typer.Argument(help="TOML file: committee, office, version, rule and [[members]].")],
    key: KeysOption,
    out: OutOption,
    days: Annotated[int, typer.Option(help="Valid for so many days from now.")] = 365,
    publish: Annotated[bool, typer.Option("--publish", help="Send it to the registry as well.")] = False,
    registry: RegistryOption = None,
    passphrase_file: PassphraseFile = None,
    home: HomeOption = None,
    force: ForceOption = False,
    as_json: JsonFlag = False,
) -> None:
    """Sign a roster with the office's key.

    In the file each member has person, institution, seats and key: the path of a …public.json, relative to the file.
    """
    fields = read_toml(spec)
    fields["members"] = [_with_key(member, spec.parent) for member in fields.get("members", [])]
    fields.setdefault("expires", now() + timedelta(days=days))
    envelope = documents.sign(Roster, fields, signing_keys(key, passphrase_file))
    written = write_document(out, envelope, force=force)
    if publish:
        publish_after(home, registry, "rosters", envelope)
    emit(written, as_json=as_json, show=pairs(written))


def _with_key(member: dict[str, Any], folder: Path) -> dict[str, Any]:
    named = member.get("key")
    if not isinstance(named, str):
        sentence = f"Member {member.get('person', '?')} has no key; give the path of their …public.json as text."
        raise UsageProblem("roster-member-key", sentence)
    return {**member, "key": read_public(folder / named)}
