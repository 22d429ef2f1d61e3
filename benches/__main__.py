"""``python -m benches [--json-file FILE] [--only NAMES] [--privacy] [--chaos]``: measure, and say which figures hold.

The table goes to standard output, what is being done to standard error. It ends with 1 if a figure was asked for that
does not exist, and with 0 otherwise: a figure that does not hold yet says so, it is no failure of the run.
"""

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path

import benches
from benches.harness import CannotMeasureError, Figure, not_measured

_NO_FIGURES = {"harness", "__main__"}


def names() -> list[str]:
    """Every figure that there is a module for."""
    found = pkgutil.iter_modules(benches.__path__)
    return sorted(module.name for module in found if module.name not in _NO_FIGURES and not module.name.startswith("_"))


def usual() -> list[str]:
    """The figures of an ordinary run: long audits and courses are asked for by name, or all of a kind at once."""
    return [name for name in names() if not (is_long(name, "PRIVACY") or is_long(name, "CHAOS"))]


def is_long(name: str, kind: str) -> bool:
    """Tell whether a figure is a long one of a kind, an audit of privacy or a course of faults: its module says so."""
    return getattr(importlib.import_module(f"benches.{name}"), kind, False)


def measure(name: str) -> Figure:
    """One figure; where it cannot be measured here, a figure that says so."""
    module = importlib.import_module(f"benches.{name}")
    try:
        figure: Figure = module.measure()
    except CannotMeasureError as error:
        return not_measured(module.UNIT, module.REACH, str(error))
    return figure


def show(name: str, figure: Figure) -> str:
    """One line for people."""
    if figure.value is None:
        return f"{name:28} not measured: {figure.beside.what}"
    spread = f"{figure.value:g} {figure.unit} ({figure.low:g} to {figure.high:g})"
    verdict = "holds" if figure.holds else "DOES NOT HOLD"
    base = f"{figure.beside.what}: {figure.beside.value:g} {figure.beside.unit}"
    return f"{name:28} {spread:36} reach {figure.reach:8} {verdict:14} beside {base}"


def main(arguments: list[str]) -> int:
    """Measure, print, and write the JSON file if one is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benches", description="Measure the figures of the design.")
    parser.add_argument("--json-file", "--json", type=Path, metavar="FILE", help="write the figures for programs")
    parser.add_argument("--only", default="", metavar="NAMES", help=f"comma-separated, of: {', '.join(names())}")
    parser.add_argument("--privacy", action="store_true", help="measure the long audits of privacy instead")
    parser.add_argument("--chaos", action="store_true", help="measure the long courses of faults instead")
    options = parser.parse_args(arguments)
    wanted = [name.strip() for name in options.only.split(",") if name.strip()]
    asked = [kind for kind, is_asked in (("PRIVACY", options.privacy), ("CHAOS", options.chaos)) if is_asked]
    long = [name for name in names() if any(is_long(name, kind) for kind in asked)]
    wanted = wanted or (long if asked else usual())
    unknown = [name for name in wanted if name not in names()]
    if unknown:
        print(f"There is no figure called {unknown[0]}; there are {', '.join(names())}.", file=sys.stderr)
        return 1
    figures = {}
    for name in wanted:
        print(f"measuring {name} …", file=sys.stderr)
        figures[name] = measure(name)
        print(show(name, figures[name]), flush=True)
    if options.json_file:
        options.json_file.write_text(json.dumps({name: figure.to_json() for name, figure in figures.items()}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
