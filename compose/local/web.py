"""What the pages are built on, from the npm registry by a lock of hashes: style, components, htmx; copied as is."""

import hashlib
import shutil
from pathlib import Path

from errors import CannotSetUp
from machine import Machine, run, say

INSTALL_SECONDS = 600
SOURCES = ("package.json", "package-lock.json")
COPIED = (
    "govuk-frontend/dist/govuk/govuk-frontend.min.css",
    "govuk-frontend/dist/govuk/govuk-frontend.min.js",
    "htmx.org/dist/htmx.min.js",
)


def needs(machine: Machine) -> list[str]:
    """Return npm, where it is missing and the files are not there yet."""
    if shutil.which("npm") or (_folder(machine) / "assets").is_dir():
        return []
    if not machine.can_install:
        raise CannotSetUp(
            "The pages' files come by npm, which is not installed: install the package npm and try again."
        )
    return ["npm"]


def prepare(machine: Machine) -> dict[str, str]:
    """Install and copy the files, unless those of this lock are there."""
    folder = _folder(machine)
    if not (folder / "assets").is_dir():
        say("web", "installing the pages' style and components")
        _install(machine, folder)
    return {"SAFECONDUCT_WEB": str(folder / "assets")}


def _install(machine: Machine, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in SOURCES:
        shutil.copy(machine.checkout / "compose/web" / name, folder / name)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund"]
    run(["npm", "ci", "--prefix", str(folder), *quiet], seconds=INSTALL_SECONDS, environment=machine.environment)
    copies = folder / "assets.new"
    copies.mkdir()
    for name in COPIED:
        shutil.copy(folder / "node_modules" / name, copies)
    copies.rename(folder / "assets")


def _folder(machine: Machine) -> Path:
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((machine.checkout / "compose/web" / name).read_bytes())
    return machine.run / f"web-{digest.hexdigest()[:12]}"
