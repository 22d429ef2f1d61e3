"""Where words go: data to stdout, narration to stderr, JSON when a program is reading."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def emit(data: Any, *, as_json: bool, show: Callable[[Console], None] | None = None) -> None:
    """Print a command's result: as JSON for programs, otherwise the way `show` draws it for a person."""
    if as_json:
        print(json.dumps(data, indent=2, default=str, ensure_ascii=False))
    elif show is None:
        print(data)
    else:
        show(out())


def pairs(data: Mapping[str, Any]) -> Callable[[Console], None]:
    """Return a way to show a mapping: one `name: value` per line."""

    def show(console: Console) -> None:
        for name, value in data.items():
            console.print(f"{name.replace('_', ' ')}: {'-' if value is None else value}", markup=False)

    return show


def out() -> Console:
    """Return the console for data."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    """Return the console for narration."""
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False, soft_wrap=not sys.stderr.isatty())


def say(text: str) -> None:
    """Tell the person at the terminal something; programs do not read this."""
    print(text, file=sys.stderr, flush=True)
