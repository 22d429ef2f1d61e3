"""What the demo makes once and finds again: cohorts and image archives, each under a name that says what went in.

A thing is made beside its place and then moved there, so a demo that was interrupted leaves nothing half-made.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import client

KEY_LENGTH: Final = 20
ROOT: Final = Path(client.__file__).parents[1]


class Cache:
    """A folder of finished things."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def place(self, kind: str, facts: Mapping[str, Any]) -> Path:
        """Return where the thing that is made from these facts stands, or will stand."""
        text = json.dumps(facts, sort_keys=True, default=str)
        return self.folder / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]}"

    def get(self, kind: str, facts: Mapping[str, Any], make: Callable[[Path], None]) -> Path:
        """Return the folder of a thing, making it if it is not there."""
        place = self.place(kind, facts)
        if place.exists():
            return place
        with Draft(place) as draft:
            make(draft)
        return place


class Draft:
    """A folder beside its place: moved there when all went well, removed otherwise."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._draft = place.with_name(f".{place.name}.draft")

    def __enter__(self) -> Path:
        shutil.rmtree(self._draft, ignore_errors=True)
        self._draft.mkdir(parents=True)
        return self._draft

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and not self._place.exists():
            self._draft.rename(self._place)
        shutil.rmtree(self._draft, ignore_errors=True)


def source_digest(*folders: str) -> str:
    """Return a digest of this software's own files under some folders: what they make changes when they do."""
    return tree_digest(ROOT, (path for folder in folders for path in (ROOT / folder).rglob("*.py")))


def folder_digest(folder: Path) -> str:
    """Return a digest of every file of a folder: names and contents."""
    return tree_digest(folder, folder.rglob("*"))


def tree_digest(root: Path, paths: Iterable[Path]) -> str:
    """Return one digest of some files, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file() and "__pycache__" not in path.parts:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(root)}\0{content}\n".encode())
    return digest.hexdigest()
