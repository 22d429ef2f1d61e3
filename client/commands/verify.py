"""`safeconduct verify FILE…`: are these documents to be believed? Offline, from the trust root alone."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from client.console import JsonFlag, emit
from client.errors import UsageProblem
from client.home import HomeOption, read_profile
from client.keys import KeyFiles, passphrase_asker, read_recipient
from protocol.chain import Step, explain
from protocol.crypto.hpke import RecipientKey
from protocol.documents.limits import BUNDLE_BYTES
from protocol.errors import Refused
from protocol.trust.root import open_trust_root

app = typer.Typer(help="Check signed documents offline.", add_completion=False, rich_markup_mode=None)


@app.command()
def verify(
    files: Annotated[list[Path], typer.Argument(help="Documents, bundles and sealed releases, in any order.")],
    trust_root: Annotated[Path | None, typer.Option(help="Trust root; without it, your profile's.")] = None,
    fingerprint: Annotated[str | None, typer.Option(help="Its fingerprint, from another channel.")] = None,
    log_export: Annotated[
        Path | None, typer.Option(help="Export of the transparency log, to compare with what the nodes saw.")
    ] = None,
    open_with: Annotated[str | None, typer.Option("--open-with", help="Name of your key, to open releases.")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="File with the passphrase (mode 0600).")] = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Check every signature, quorum and digest in these files, step by step."""
    profile = read_profile(home)
    root_path = trust_root or Path(profile.need("trust_root"))
    root = open_trust_root(_read(root_path), fingerprint or profile.need("fingerprint"))
    recipient = _recipient(KeyFiles(folder=profile.keys, name=open_with), passphrase_file) if open_with else None
    with _lines(log_export) as lines:
        steps = explain({str(path): _read(path) for path in files}, root, datetime.now(UTC), recipient, lines)
    believed = all(step.ok is True for step in steps)
    data = {"believed": believed, "steps": [asdict(step) for step in steps]}
    emit(data, as_json=as_json, show=lambda console: _show(console, steps))
    if not believed:
        bad = min((step for step in steps if step.ok is not True), key=lambda step: step.code != "log-fork")
        raise Refused(bad.code or "not-believed", f"These files are not to be believed: {bad.name}. {bad.sentence}")


def _recipient(files: KeyFiles, passphrase_file: Path | None) -> RecipientKey:
    return read_recipient(files.recipient, passphrase_asker(passphrase_file))


def _lines(path: Path | None) -> AbstractContextManager[Iterable[bytes] | None]:
    if path is None:
        return nullcontext()
    try:
        return path.open("rb")
    except FileNotFoundError as missing:
        raise UsageProblem("file-missing", f"There is no file {path}. Check the path.") from missing


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(BUNDLE_BYTES + 1)
    except FileNotFoundError as missing:
        raise UsageProblem("file-missing", f"There is no file {path}. Check the path.") from missing


def _show(console: Any, steps: list[Step]) -> None:
    marks = {True: "[green]ok [/]", False: "[red]no [/]", None: "[dim]-- [/]"}
    for step in steps:
        console.print(f"{marks[step.ok]} ", end="")
        console.print(f"{step.name}: {step.sentence}", markup=False)
