"""An algorithm as its author keeps it: a folder with `algorithm.toml`, a Dockerfile and the program.

`build` turns the folder into one canonical archive and its identity (`client.images`); `sign` binds the two into the
Algorithm document. What is signed is the image, not the folder.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from client.errors import Conflict, UsageProblem

SPEC: Final = "algorithm.toml"
TEMPLATE: Final = ("algorithm.toml", "Dockerfile", "program.py")
NAME_MARK: Final = "NAME"


def init(folder: Path, name: str) -> list[Path]:
    """Write a small working algorithm to start from. Refused: one of its files is already there."""
    targets = [folder / file for file in TEMPLATE]
    for target in targets:
        if target.exists():
            raise Conflict("file-exists", f"{target} is already there and is kept. Choose an empty folder.")
    folder.mkdir(parents=True, exist_ok=True)
    source = files("client") / "templates" / "algorithm"
    for target in targets:
        text = (source / target.name).read_text(encoding="utf-8")
        target.write_text(text.replace(f'"{NAME_MARK}"', f'"{name}"'), encoding="utf-8")
    return targets


def read_spec(folder: Path) -> dict[str, Any]:
    """Return `algorithm.toml` as a dictionary. Its contents are checked by the document's own model."""
    path = folder / SPEC if folder.is_dir() else folder
    return read_toml(path)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, or say what is wrong with it."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise UsageProblem("file-missing", f"There is no file {path}. Check the path.") from missing
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageProblem("toml-malformed", f"{path} is not valid TOML: {problem}. Correct it.") from problem
