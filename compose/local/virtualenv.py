"""The virtual environment: exactly the locked distributions, each checked against its hash, and this project."""

import hashlib
import json
import shutil
import sys
import tomllib
from importlib.util import find_spec

from errors import CannotSetUp
from machine import Machine, run, say

INSTALL_SECONDS = 1800
STAMP = "safeconduct-stamp"


def needs(machine: Machine) -> list[str]:
    """Return the packages to install first; refuse when Python cannot make virtual environments and never will."""
    if is_current(machine) or find_spec("ensurepip"):
        return []
    if not machine.can_install:
        raise CannotSetUp(
            "This Python cannot make virtual environments: install the package python3-venv and run this again."
        )
    return ["python3-venv"]


def is_current(machine: Machine) -> bool:
    """Whether `.venv` holds what the lock says, made by this Python."""
    return _found(machine) == _wanted(machine) and (machine.venv / "bin/safeconduct").exists()


def prepare(machine: Machine) -> dict[str, str]:
    """Make or renew the environment."""
    if is_current(machine):
        say("Python", f"{machine.venv} is as the lock says")
    else:
        locked, project = _wanted(machine)
        if _found(machine)[0] != locked or not _is_ours(machine):
            say("Python", f"installing the locked distributions into {machine.venv} (a minute or two)")
            _make(machine)
            # Without the resolver: to pip, `coverage[toml]` is not the pinned `coverage`, and it takes a newer one.
            _pip(machine, "--require-hashes", "--no-deps", "-r", str(machine.checkout / "requirements.lock"))
        _pip(machine, "--no-deps", "--no-build-isolation", "--editable", str(machine.checkout))
        (machine.venv / STAMP).write_text(f"{locked}\n{project}\n")
    return {}


def remove(machine: Machine) -> None:
    """Remove the environment."""
    shutil.rmtree(machine.venv, ignore_errors=True)


def _wanted(machine: Machine) -> tuple[str, str]:
    """Return what the environment is a function of: the lock with this Python, and the project's own description."""
    lock = hashlib.sha256((machine.checkout / "requirements.lock").read_bytes()).hexdigest()
    described = tomllib.loads((machine.checkout / "pyproject.toml").read_text())
    described = {name: described.get(name) for name in ("project", "build-system")} | described["tool"]["hatch"]
    project = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    return f"{lock} {sys.version}".replace("\n", " "), f"{project} {machine.checkout}"


def _found(machine: Machine) -> tuple[str, str]:
    """Return what was installed last, or nothing."""
    stamp = machine.venv / STAMP
    lines = stamp.read_text().splitlines() if stamp.exists() else []
    return (lines[0], lines[1]) if len(lines) == 2 else ("", "")


def _make(machine: Machine) -> None:
    (machine.venv / STAMP).unlink(missing_ok=True)
    if _is_ours(machine):
        return
    base = getattr(sys, "_base_executable", sys.executable)
    run([base, "-m", "venv", "--clear", str(machine.venv)], seconds=INSTALL_SECONDS)


def _is_ours(machine: Machine) -> bool:
    """Whether there is an environment made at this place (its commands name the place) by this very Python."""
    try:
        made_by = (machine.venv / "pyvenv.cfg").read_text()
        version = run([str(machine.venv / "bin/python"), "-c", "import pip, sys; print(sys.version)"])
    except (FileNotFoundError, CannotSetUp):
        return False
    return f" {machine.venv}\n" in made_by and version.strip() == sys.version.strip()


def _pip(machine: Machine, *words: str) -> None:
    pip = [str(machine.venv / "bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    run([*pip, *words], seconds=INSTALL_SECONDS, environment=machine.environment)
