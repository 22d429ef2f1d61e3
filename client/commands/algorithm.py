"""`safeconduct algorithm`: from a folder to a signed, submitted algorithm version."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from client import algorithm_folder
from client.commands.common import (
    ForceOption,
    KeyOption,
    PassphraseFile,
    RegistryOption,
    person,
    read_document,
    read_json,
    write_document,
)
from client.console import JsonFlag, emit, pairs, say
from client.errors import UsageProblem
from client.home import HomeOption
from client.source import head_commit

app = typer.Typer(help="Write, build, sign and submit an algorithm.", no_args_is_help=True, rich_markup_mode=None)

BASE_VARIABLE = "SAFECONDUCT_BASE_IMAGE"
ARCHIVE, IDENTITY, SIGNED = "image.tar", "identity.json", "algorithm.json"

Folder = Annotated[Path, typer.Argument(help="The algorithm's folder.")]
Build = Annotated[
    Path | None, typer.Option("--build", help="Folder of what was built; without it, build/NAME-VERSION.")
]


@app.command()
def init(
    folder: Folder,
    name: Annotated[str | None, typer.Option(help="Its name; without it, the folder's.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a small working algorithm to start from."""
    written = algorithm_folder.init(folder, name or folder.resolve().name)
    emit({"files": [str(path) for path in written]}, as_json=as_json, show=pairs({p.name: p for p in written}))


@app.command()
def build(
    folder: Folder,
    base: Annotated[str | None, typer.Option(envvar=BASE_VARIABLE, help="Image to build on (ARG BASE).")] = None,
    into: Build = None,
    network: Annotated[str, typer.Option(help='What the build may reach: "none" or "host".')] = "none",
    as_json: JsonFlag = False,
) -> None:
    """Build the image as one canonical archive; the same folder gives the same bytes."""
    from client.images import build as build_image

    if base is None:
        raise UsageProblem("no-base-image", f"Name the image to build on with --base or {BASE_VARIABLE}.")
    if has_no_image(folder):
        raise UsageProblem("no-image", f"{folder} declares statistics: there is no image to build. Sign it at once.")
    target = into or default_build(folder)
    target.mkdir(parents=True, exist_ok=True)
    archive, identity = build_image(folder, base, target / ARCHIVE, network=network)
    fields = identity.model_dump(mode="json")
    (target / IDENTITY).write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
    data = {"archive": str(archive), "bytes": os.path.getsize(archive), **fields}  # noqa: PTH202
    emit(data, as_json=as_json, show=pairs({"archive": data["archive"], "archive digest": fields["archive_digest"]}))


@app.command()
def sign(
    folder: Folder,
    into: Build = None,
    source_commit: Annotated[str | None, typer.Option(help="Commit of the source; without it, git's HEAD.")] = None,
    key: KeyOption = None,
    passphrase_file: PassphraseFile = None,
    home: HomeOption = None,
    force: ForceOption = False,
    as_json: JsonFlag = False,
) -> None:
    """Sign the spec together with the image that was built; a spec of statistics (mode statistic) has none."""
    spec = algorithm_folder.read_spec(folder)
    target = into or default_build(folder)
    commit = source_commit or spec.get("source_commit") or head_commit(folder)
    image = None if has_no_image(folder) else read_json(target / IDENTITY)
    target.mkdir(parents=True, exist_ok=True)
    with person(home, key, passphrase_file) as me:
        envelope = me.sign_algorithm({**spec, "source_commit": commit}, image, commit)
    written = write_document(target / SIGNED, envelope, force=force)
    emit(written, as_json=as_json, show=pairs(written))


@app.command()
def submit(
    folder: Annotated[Path, typer.Argument(help="The algorithm's folder, or the folder of what was built.")],
    into: Build = None,
    key: KeyOption = None,
    passphrase_file: PassphraseFile = None,
    registry: RegistryOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Upload the image and the signed document. A broken upload goes on where it stopped."""
    target = folder if (folder / SIGNED).exists() else into or default_build(folder)
    envelope = read_document(target / SIGNED)
    with person(home, key, passphrase_file, registry) as me, Upload() as upload:
        digest = me.submit_algorithm(envelope, target / ARCHIVE, upload.advance)
    emit({"algorithm": digest}, as_json=as_json, show=pairs({"algorithm": digest}))


def has_no_image(folder: Path) -> bool:
    """Whether a folder only declares statistics, which a node's own code computes."""
    return algorithm_folder.read_spec(folder).get("mode") == "statistic"


def default_build(folder: Path) -> Path:
    """Return the folder for what is built from an algorithm: build/NAME-VERSION."""
    spec = algorithm_folder.read_spec(folder)
    return Path("build") / f"{spec.get('name', folder.name)}-{spec.get('version', '0')}"


class Upload:
    """A progress bar on a terminal, one line otherwise."""

    def __enter__(self) -> Upload:
        from rich.console import Console
        from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

        console = Console(stderr=True)
        self._bar: Any = None
        if console.is_terminal:
            self._bar = Progress(
                *Progress.get_default_columns(), DownloadColumn(), TransferSpeedColumn(), console=console
            )
            self._task = self._bar.add_task("Uploading the image", total=None)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, sent: int, size: int) -> None:
        """Show how far the upload has come."""
        if self._bar is not None:
            self._bar.update(self._task, completed=sent, total=size)
        elif sent == size:
            say(f"Uploaded {size / 1024**2:.1f} MiB.")
