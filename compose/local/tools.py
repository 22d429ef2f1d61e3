"""What only the tests use: a browser for the pages, a PostgreSQL of their own, compose to bring up a deployment, and
Prometheus's judge of alert rules.
"""

import shutil
from pathlib import Path

from errors import CannotSetUp
from machine import Machine

PROGRAMS = {"chromium": "chromium", "docker-compose": "docker-compose", "prometheus": "promtool"}
SERVERS = Path("/usr/lib/postgresql")


def needs(machine: Machine) -> list[str]:
    """Return the packages of what is missing; the tests start each program themselves and end it."""
    packages = [package for package, program in PROGRAMS.items() if shutil.which(program) is None]
    if not any(SERVERS.glob("*/bin/postgres")):
        packages.append("postgresql")
    if packages and not machine.can_install:
        raise CannotSetUp(f"The tests need {', '.join(packages)}: install them and run this again.")
    return packages


def prepare(machine: Machine) -> dict[str, str]:  # noqa: ARG001  installed is all that they must be
    """Nothing to start."""
    return {}
