"""`safeconduct data`: make cohorts to try things on, synthetic or from openly published genomes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make cohorts to try things on.", no_args_is_help=True, rich_markup_mode=None)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Out = Annotated[Path, typer.Option(help="Folder for the files; files of the same names are replaced.")]


@app.callback()
def _noun() -> None:
    """Make cohorts to try things on."""


@app.command()
def synthesise(
    country: Annotated[str, typer.Option(help="Country code, such as FI: whose allele frequencies.")],
    people: Annotated[int, typer.Option(help="How many people.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same cohort.")],
    out: Out,
    as_json: JsonFlag = False,
) -> None:
    """Make a synthetic cohort: named real variants, families, diagnoses whose true effects are written beside."""
    from sandbox.data.synthesise import synthesise as make

    with _progress(as_json) as say:
        files = make(country, people, seed, out, say)
    _emit({"country": country, "people": people, "seed": seed}, files, as_json)


@app.command()
def genomes(
    source: Annotated[Path, typer.Option(help="Folder with a 1000 Genomes VCF, its panel, CINECA phenotypes.")],
    population: Annotated[str, typer.Option(help="Population of the panel, such as FIN.")],
    out: Out,
    minimum_frequency: Annotated[
        float, typer.Option(min=0, max=0.5, help="Least published minor allele frequency of the sites to keep.")
    ] = 0.0,
    superpopulation: Annotated[str, typer.Option(help="Where that frequency was published for.")] = "EUR",
    limit: Annotated[int | None, typer.Option(min=1, help="Keep at most so many sites, evenly spread.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Prepare one population of the real 1000 Genomes data as a data holder's files."""
    from sandbox.data.genomes import SiteRule, prepare_genomes

    rule = SiteRule(superpopulation=superpopulation, minimum=minimum_frequency, limit=limit)
    with _progress(as_json) as say:
        files = prepare_genomes(source, population, out, rule, say)
    _emit({"population": population}, files, as_json)


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[str], None]]:
    """Show what is being done: a spinner on a terminal, a line for each step elsewhere, nothing for programs."""
    if as_json or not sys.stderr.isatty():
        yield (lambda _: None) if as_json else (lambda text: print(text, file=sys.stderr, flush=True))
        return
    from rich.console import Console

    with Console(stderr=True).status("Starting") as status:
        yield status.update


def _emit(facts: dict[str, object], files: Sequence[Path], as_json: bool) -> None:
    if as_json:
        print(json.dumps({**facts, "files": [str(path) for path in files]}, indent=2))
        return
    for path in files:
        print(path)
