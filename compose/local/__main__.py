"""Set this machine up for Safeconduct, or undo it: `python3 compose/local up | tests | images | python | clean`.

`up` makes what `make demo` and `make bench` need, `tests` what the tests need as well, `images` the images of a
deployment as well; `python` makes only the virtual environment; `clean` undoes all of it.

 1. First every step says whether it can be done and what it must install; if one cannot, that is said and nothing has
    been changed.
 2. Packages that are missing are installed together; then each step finds what is there or makes what is not.
 3. What was there before is used as it is and never stopped, reconfigured or filled.
 4. Every address goes into `.run/env`, which the Makefile reads and a shell may: `. .run/env`.
"""

import os
import shlex
import shutil
import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036  # this file, and only this one, must be readable for older ones
    sys.exit("set-up · Python 3.11 or newer is needed: install it and name it, as in `make PYTHON=python3.12 demo`.")
if sys.platform != "linux":
    sys.exit("set-up · chambers are Linux containers: run this on Debian or Ubuntu, in a virtual machine if need be.")

import base_image
import broker
import cells
import engine
import images
import leftovers
import tools
import virtualenv
import web
from errors import CannotSetUp
from machine import Machine, install, say

UP = (virtualenv, web, cells, broker, engine, base_image)
STEPS = {"python": (virtualenv,), "up": UP, "tests": (tools, *UP), "images": (*UP, images)}


def set_up(machine: Machine, command: str) -> None:
    """Do the steps of a command."""
    steps = STEPS[command]
    packages = [package for step in steps for package in step.needs(machine)]
    if packages:
        install(machine, packages)
    settings: dict[str, str] = {}
    for step in steps:
        settings |= step.prepare(Machine(machine.checkout, {**machine.environment, **settings}))
    if command != "python":
        write_settings(machine, settings)


def write_settings(machine: Machine, settings: dict[str, str]) -> None:
    """Write `.run/env`, whole or not at all."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()]
    folders = f"{machine.run / 'bin'}:{machine.venv / 'bin'}"
    lines.append(f'export PATH={shlex.quote(folders)}:"$PATH"\n')
    written = machine.run / "env.new"
    written.write_text("".join(lines))
    written.replace(machine.run / "env")


def clean(machine: Machine) -> None:
    """Undo everything that set-up made."""
    leftovers.remove(machine)
    engine.remove(machine)
    broker.remove(machine)
    virtualenv.remove(machine)
    for folder in {machine.run, machine.sockets}:
        shutil.rmtree(folder, ignore_errors=True)
    say("clean", "removed .run and .venv")


def main() -> int:
    """Run the command named on the command line."""
    machine = Machine(Path(__file__).resolve().parents[2], dict(os.environ))
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    if command not in {*STEPS, "clean"}:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with machine.alone():
            clean(machine) if command == "clean" else set_up(machine, command)
    except CannotSetUp as error:
        say("stopped", str(error))
        return 1
    return 0


sys.exit(main())
