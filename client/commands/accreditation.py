"""`safeconduct accreditation`: the office says who a person or node is, with which keys, until when."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
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
from client.home import HomeOption, find_home
from client.issued import check_unused, keep, read_requests
from protocol.documents.accreditation import Accreditation

app = typer.Typer(help="Say who is who (accreditation office).", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _noun() -> None:
    """Say who is who (accreditation office)."""


@app.command()
def issue(
    subject: Annotated[str, typer.Argument(help="Identifier of the person or node.")],
    key: KeysOption,
    request: Annotated[
        list[Path], typer.Option("--request", help="Their request from `key prove`; repeat for an old and a new key.")
    ],
    name: Annotated[str, typer.Option(help="Their full name.")],
    institution: Annotated[str, typer.Option(help="Identifier of their institution.")],
    country: Annotated[str, typer.Option(help="Two-letter country code.")],
    office: Annotated[str, typer.Option(help="Identifier of the issuing office.")],
    out: OutOption,
    kind: Annotated[str, typer.Option(help="person or node.")] = "person",
    role: Annotated[list[str] | None, typer.Option(help="A role, such as researcher; repeat for several.")] = None,
    days: Annotated[int, typer.Option(help="Valid for so many days from now.")] = 365,
    publish: Annotated[bool, typer.Option("--publish", help="Send it to the registry as well.")] = False,
    registry: RegistryOption = None,
    passphrase_file: PassphraseFile = None,
    home: HomeOption = None,
    force: ForceOption = False,
    as_json: JsonFlag = False,
) -> None:
    """Sign an accreditation with the office's key.

    A person who changes keys is accredited anew with both, so that what the old key signed stays verifiable.
    """
    start = now()
    requests = read_requests(request, subject, office)
    keys, signers = [key for one in requests for key in one.keys], signing_keys(key, passphrase_file)
    register = check_unused(find_home(home), [(one.keyid, subject) for one in keys], signers)
    fields = {
        "subject": subject,
        "kind": kind,
        "name": name,
        "institution": institution,
        "country": country,
        "roles": role or [],
        "keys": [one.model_dump() for one in keys],
        "proofs": [proof.model_dump() for one in requests for proof in one.proofs],
        "office": office,
        "valid_from": start,
        "valid_until": start + timedelta(days=days),
    }
    envelope = documents.sign(Accreditation, fields, signers)
    written = write_document(out, envelope, force=force)
    keep(find_home(home), register)
    if publish:
        publish_after(home, registry, "accreditations", envelope)
    emit(written, as_json=as_json, show=pairs(written))
