"""`safeconduct doctor`: what this machine needs, what it has, and the remedy for what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from client import checks
from client.console import JsonFlag, emit
from client.errors import FAILED
from client.home import HomeOption, read_profile

app = typer.Typer(help="Check what this machine needs.", rich_markup_mode=None)


@app.command()
def doctor(
    registry: Annotated[str | None, typer.Option(help="Registry to reach; without it, your profile's.")] = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Check Python, Docker, seccomp, Redis, disk, memory file system, clock and registry."""
    findings = list(_findings(registry or read_profile(home).registry))
    well = all(finding.ok for finding in findings)
    data = {"ok": well, "checks": [asdict(finding) for finding in findings]}
    emit(data, as_json=as_json, show=lambda console: _show(console, findings))
    if not well:
        raise typer.Exit(FAILED)


def _findings(registry: str | None) -> Iterator[checks.Finding]:
    yield checks.python()
    yield checks.engine()
    yield checks.seccomp()
    yield checks.redis()
    yield checks.disk(Path())
    yield checks.tmpfs()
    if registry:
        yield from checks.registry(registry)
    else:
        yield checks.clock_alone()


def _show(console: Console, findings: list[checks.Finding]) -> None:
    for finding in findings:
        mark = "[green]ok  [/]" if finding.ok else "[red]no  [/]"
        console.print(f"{mark}{finding.check:<10}", end="")
        console.print(finding.found, markup=False)
        if not finding.ok:
            console.print(f"              {finding.remedy}", markup=False)
