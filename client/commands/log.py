"""`safeconduct log`: take the registry's transparency log home, and check it there without anybody's help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from client.api import RegistryClient
from client.commands.common import ForceOption, RegistryOption
from client.console import JsonFlag, emit, pairs
from client.errors import Conflict, UsageProblem
from client.home import HomeOption, Profile, read_profile
from client.keys import read_public
from protocol.chain.log import read_export
from protocol.crypto.keys import PublicKey
from protocol.documents.key import Key
from protocol.documents.strict import build
from protocol.trust.root import open_trust_root

app = typer.Typer(help="Check the registry's transparency log.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write the log to.")],
    registry: RegistryOption = None,
    force: ForceOption = False,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Fetch the whole log: every entry's public part, and the checkpoint over them."""
    if out.exists() and not force:
        raise Conflict("file-exists", f"{out} is already there and is kept. Choose another name or say --force.")
    part = out.with_name(f".{out.name}.part")
    with RegistryClient(registry or read_profile(home).need("registry")) as client, part.open("wb") as stream:
        client.export_log(stream)
    part.replace(out)
    data = {"file": str(out), "bytes": out.stat().st_size}
    emit(data, as_json=as_json, show=pairs(data))


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="An export of the log.")],
    log_key: Annotated[
        Path | None, typer.Option(help="The log's public key file; without it, the one your trust root pins.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Recompute the log from its entries alone, and check that its key signed the result."""
    key = _key(log_key, read_profile(home))
    try:
        with file.open("rb") as lines:
            log = read_export(lines, key)
    except FileNotFoundError as missing:
        raise UsageProblem("file-missing", f"There is no file {file}. Check the path.") from missing
    found = log.checkpoint
    data: dict[str, Any] = {"believed": True, "origin": found.origin, "size": found.size, "root": found.root.hex()}
    emit(data | {"kinds": dict(log.kinds)}, as_json=as_json, show=pairs(data | dict(log.kinds)))


def _key(path: Path | None, profile: Profile) -> PublicKey:
    if path is not None:
        return build(Key, read_public(path)).to_public()
    root_path = Path(profile.need("trust_root"))
    pinned = open_trust_root(root_path.read_bytes(), profile.need("fingerprint")).log_key
    if pinned is None:
        raise UsageProblem("log-key-missing", "Your trust root pins no log. Name the log's key with --log-key.")
    return pinned.to_public()
