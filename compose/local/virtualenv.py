"""The virtual environment: exactly the locked distributions, each checked against its hash, and this project."""

import hashlib
import shutil
import sys
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
    stamp = machine.venv / STAMP
    return stamp.exists() and stamp.read_text() == _wanted(machine) and (machine.venv / "bin/safeconduct").exists()


def prepare(machine: Machine) -> dict[str, str]:
    """Make or renew the environment."""
    if is_current(machine):
        say("Python", f"{machine.venv} is as the lock says")
    else:
        say("Python", f"installing the locked distributions into {machine.venv} (a minute or two)")
        (machine.venv / STAMP).unlink(missing_ok=True)
        _make(machine)
        _install(machine)
        (machine.venv / STAMP).write_text(_wanted(machine))
    return {}


def remove(machine: Machine) -> None:
    """Remove the environment."""
    shutil.rmtree(machine.venv, ignore_errors=True)


def _wanted(machine: Machine) -> str:
    """Return what the environment is a function of: its content goes into the stamp."""
    digest = hashlib.sha256()
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update((machine.checkout / name).read_bytes())
    return f"{digest.hexdigest()} {sys.version} {machine.checkout}\n"


def _make(machine: Machine) -> None:
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


def _install(machine: Machine) -> None:
    pip = [str(machine.venv / "bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    lock = str(machine.checkout / "requirements.lock")
    run([*pip, "--require-hashes", "-r", lock], seconds=INSTALL_SECONDS, environment=machine.environment)
    project = ["--no-deps", "--no-build-isolation", "--editable", str(machine.checkout)]
    run([*pip, *project], seconds=INSTALL_SECONDS, environment=machine.environment)
