"""The supervisor of cells, the chambers' fast engine: built from our source, taken only if it is ours bit for bit."""

import hashlib
import platform
from pathlib import Path

from machine import Machine, run, say

SOURCES = ("sandbox/chambers/supervisor.c", "sandbox/chambers/supervisor.py")
BUILD_SECONDS = 300


def needs(machine: Machine) -> list[str]:  # noqa: ARG001  the compiler comes with the locked distributions
    """Nothing of the distribution's."""
    return []


def prepare(machine: Machine) -> dict[str, str]:
    """Find the program or build it; on a machine that it is not written for, nodes use containers."""
    if platform.machine() != "x86_64":
        say("cells", f"there are none yet for {platform.machine()} machines: each chamber is a container")
        return {}
    program = machine.run / f"chamber-supervisor-{_recipe(machine.checkout)}"
    if not program.exists():
        say("cells", "building the supervisor of chambers")
        python = str(machine.venv / "bin/python")
        run([python, "-m", "sandbox.chambers.supervisor", str(program)], seconds=BUILD_SECONDS)
    return {"SAFECONDUCT_SUPERVISOR": str(program)}


def _recipe(checkout: Path) -> str:
    digest = hashlib.sha256()
    for source in SOURCES:
        digest.update((checkout / source).read_bytes())
    return digest.hexdigest()[:12]
