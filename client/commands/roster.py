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
from client.home import HomeOption, find_home
from client.issued import check_unused, keep, read_page, read_requests
from protocol.documents.passkey import PasskeyOrigin
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
    passkey_page: Annotated[
        list[str] | None, typer.Option(help="ORIGIN[,RP_ID] on which members' passkeys prove themselves; repeat.")
    ] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Send it to the registry as well.")] = False,
    registry: RegistryOption = None,
    passphrase_file: PassphraseFile = None,
    home: HomeOption = None,
    force: ForceOption = False,
    as_json: JsonFlag = False,
) -> None:
    """Sign a roster with the office's key.

    In the file each member has person, institution, seats and key: the path of their request, relative to the file.
    """
    fields = read_toml(spec)
    office, pages = str(fields.get("office", "")), [read_page(text) for text in passkey_page or []]
    members = [_with_key(member, office, spec.parent, pages) for member in fields.get("members", [])]
    fields["members"] = members
    fields.setdefault("expires", now() + timedelta(days=days))
    signers = signing_keys(key, passphrase_file)
    issued = [(str(one["key"]["keyid"]), str(one["person"])) for one in members]
    register = check_unused(find_home(home), issued, signers)
    envelope = documents.sign(Roster, fields, signers)
    written = write_document(out, envelope, force=force)
    keep(find_home(home), register)
    if publish:
        publish_after(home, registry, "rosters", envelope)
    emit(written, as_json=as_json, show=pairs(written))


def _with_key(member: dict[str, Any], office: str, folder: Path, pages: list[PasskeyOrigin]) -> dict[str, Any]:
    named, person = member.get("key"), str(member.get("person", "?"))
    if not isinstance(named, str):
        sentence = f"Member {person} has no key; give the path of their request from `safeconduct key prove` as text."
        raise UsageProblem("roster-member-key", sentence)
    (request,) = read_requests([folder / named], person, office, pages)
    return {**member, "key": request.keys[0].model_dump(), "proof": request.proofs[0].model_dump()}
