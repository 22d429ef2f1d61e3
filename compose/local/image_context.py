"""Lay out what an image of ours is built from: `python image_context.py libraries|program registry|node FOLDER`.

Run by the virtual environment's own Python. `libraries` copies the distributions that the program's extras need, from
this environment, into which each came by the lock and its hash: so the build needs no network and the image no
installer. `program` copies our packages, with a record of the distribution that names this program's commands only.
"""

import re
import shutil
import sys
import sysconfig
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
PROJECT = "safeconduct"
EXTRAS = {"registry": ("registry", "client"), "node": ("sandbox", "client")}
PACKAGES = {
    "registry": ("protocol", "faces", "client", "registry"),
    "node": ("protocol", "faces", "client", "sandbox", "policies"),
}
LEFT_OUT = re.compile(r"(^|/)(tests?|__pycache__/test_[^/]*|include)/|\.(pxd|pyx|h|hpp|a)$")
"""Of a distribution: tests, and what only compilers read."""


OLDEST = f"{sys.version_info.major}.{sys.version_info.minor}.0"
"""The base's Python may be an older patch of this one's version, for which some need one distribution more."""


def closure(extras: tuple[str, ...]) -> dict[str, Distribution]:
    """Return our own dependencies with these extras, and theirs, by name; ours itself is left out."""
    from packaging.requirements import Requirement  # the virtual environment's; set-up itself has no libraries

    found: dict[str, Distribution] = {}
    asked: set[tuple[str, str]] = set()
    waiting = [(PROJECT, extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in asked:
            continue
        asked.add((name, extra))
        found[name] = distribution(name)
        for text in found[name].requires or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra, "python_full_version": OLDEST}):
                plain = re.sub(r"[-_.]+", "-", needed.name).lower()
                waiting += [(plain, more) for more in ("", *needed.extras)]
    del found[PROJECT]
    return found


def lay_libraries(program: str, folder: Path) -> None:
    """Copy every file that the distributions say is theirs and that lies among the modules."""
    modules = Path(sysconfig.get_path("purelib")).resolve()
    for found in closure(EXTRAS[program]).values():
        for file in found.files or ():
            source = Path(str(file.locate())).resolve()
            if source.is_file() and source.is_relative_to(modules) and not LEFT_OUT.search(str(file)):
                target = folder / "libraries" / source.relative_to(modules)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)


def lay_program(program: str, folder: Path) -> None:
    """Copy our packages and what the image has beside them."""
    for package in PACKAGES[program]:
        ignored = shutil.ignore_patterns("__pycache__", "*.c", "demo*", "cases")
        shutil.copytree(CHECKOUT / package, folder / "program" / package, ignore=ignored)
    _write_record(program, folder / "program" / f"{PROJECT}-{_described()['version']}.dist-info")
    for name in ("answers.py", "alive.py"):
        shutil.copy(CHECKOUT / "compose/images" / name, folder / "program")
    for name in ("passwd", "group"):
        shutil.copy(CHECKOUT / "compose/images" / name, folder)


def _write_record(program: str, folder: Path) -> None:
    folder.mkdir()
    described = _described()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PROJECT}\nVersion: {described['version']}\n")
    commands = described["entry-points"]["safeconduct.commands"]
    ours = [f"{name} = {where}" for name, where in commands.items() if where.split(".")[0] in PACKAGES[program]]
    (folder / "entry_points.txt").write_text("\n".join(["[safeconduct.commands]", *ours, ""]))


def _described() -> dict[str, Any]:
    return dict(tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"])


def main(what: str, program: str, folder: Path) -> None:
    """Lay out one of the two."""
    {"libraries": lay_libraries, "program": lay_program}[what](program, folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
