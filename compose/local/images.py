"""The images of our own programs, registry and node, built without a network: `make images`.

 1. Base: the algorithms' base image (Python, no shell, no setuid file), or the one that SAFECONDUCT_PYTHON_IMAGE names.
 2. Libraries: the locked distributions, from the virtual environment, whose Python must be of the base's version.
 3. Program: our packages, compiled; for the node the supervisor of cells as well.
The tag of each names what it is made from, so that nothing is built twice. `.run/images.env` holds the two names for
docker-compose.
"""

import hashlib
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import base_image
import engine as docker
import image_context
from errors import CannotSetUp
from machine import Machine, run, say

BUILD_SECONDS = 900
SYSTEM_LIBRARIES = re.compile(r"(usr/)?lib/[^/]+/lib(stdc\+\+|gcc_s)\.so\.[0-9.]+|usr/share/zoneinfo/(Etc/)?UTC")
SOURCES = ("compose/images", "compose/local/image_context.py", "compose/local/images.py")


def needs(machine: Machine) -> list[str]:  # noqa: ARG001  earlier steps installed all that this one uses
    """Nothing of its own."""
    return []


def prepare(machine: Machine) -> dict[str, str]:
    """Build what is missing, with the engine that set-up found."""
    engine = docker.find(machine)
    if engine is None:
        raise CannotSetUp("The Docker engine stopped answering while the images were built.")
    return build(machine, engine, machine.environment)


def build(machine: Machine, engine: docker.Engine, names: Mapping[str, str]) -> dict[str, str]:
    """Return the names of both images on this engine; `names` are the settings that the other steps found."""
    base = names.get("SAFECONDUCT_PYTHON_IMAGE") or names["SAFECONDUCT_BASE_IMAGE"]
    found = {}
    for program in image_context.PACKAGES:
        supervisor = names.get("SAFECONDUCT_SUPERVISOR") if program == "node" else None
        found[f"SAFECONDUCT_{program.upper()}_IMAGE"] = _image(
            machine, engine, program, base, supervisor, Path(names["SAFECONDUCT_WEB"])
        )
    (machine.run / "images.env").write_text("".join(f"{name}={tag}\n" for name, tag in found.items()))
    return found


def _image(machine: Machine, engine: docker.Engine, program: str, base: str, supervisor: str | None, web: Path) -> str:
    libraries = _libraries(machine, engine, program, base)
    content = [machine.checkout / name for name in (*image_context.PACKAGES[program], *SOURCES, "pyproject.toml")]
    digest = _digest([*content, web], libraries, supervisor or "")
    tag = f"safeconduct/{program}:{digest}"
    if not engine.has_image(tag):
        say("images", f"building {tag}")
        with tempfile.TemporaryDirectory(dir=machine.run, prefix="image-") as folder:
            _lay(machine, "program", program, folder)
            if supervisor:
                shutil.copy(supervisor, Path(folder) / "program/chamber-supervisor")
            shutil.copytree(web, Path(folder) / "program/web")
            _build(machine, engine, program, Path(folder), tag, f"LIBRARIES={libraries}")
    return tag


def _libraries(machine: Machine, engine: docker.Engine, program: str, base: str) -> str:
    lock = [machine.checkout / name for name in ("requirements.lock", "compose/images/libraries.Dockerfile")]
    laid = Path(image_context.__file__)
    tag = f"safeconduct/{program}-libraries:{_digest([*lock, laid], base, sys.version, SYSTEM_LIBRARIES.pattern)}"
    if not engine.has_image(tag):
        say("images", f"copying the locked libraries of the {program} (half a minute)")
        with tempfile.TemporaryDirectory(dir=machine.run, prefix="image-") as folder:
            _lay(machine, "libraries", program, folder)
            _add_system_libraries(machine, Path(folder))
            _build(machine, engine, "libraries", Path(folder), tag, f"BASE={base}")
    return tag


def _add_system_libraries(machine: Machine, folder: Path) -> None:
    """Lay beside what some of the locked distributions count on and the base has not: the C++ library, the zone UTC."""
    root = base_image.root_of_packages(machine, folder, "libstdc++6,tzdata")
    with tarfile.open(root) as packages:
        for member in packages:
            if SYSTEM_LIBRARIES.fullmatch(member.name.removeprefix("./")):
                packages.extract(member, folder / "system")  # from the distribution: its names are believed
    root.unlink()


def _lay(machine: Machine, what: str, program: str, folder: str) -> None:
    script = Path(image_context.__file__)
    run([str(machine.venv / "bin/python"), str(script), what, program, folder], seconds=BUILD_SECONDS)


def _build(machine: Machine, engine: docker.Engine, name: str, folder: Path, tag: str, argument: str) -> None:
    recipe = machine.checkout / f"compose/images/{name}.Dockerfile"
    label = ["--label", f"{docker.LABEL}={machine.name}"]
    options = ["--network", "none", "--build-arg", argument, *label, "--tag", tag, "--file", str(recipe)]
    engine.docker("build", "--quiet", "--force-rm", *options, str(folder), seconds=BUILD_SECONDS)


def _digest(paths: Iterable[Path], *words: str) -> str:
    """Twelve digits for the content of files and folders, and for some words."""
    digest = hashlib.sha256("\0".join(words).encode())
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"\0{path.name}/{file.relative_to(path)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]
