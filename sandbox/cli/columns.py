"""Read a column as a person writes it on the command line."""

from collections.abc import Sequence

from sandbox.domain.dataset import Column, Kind
from sandbox.errors import BadInput


def read_columns(texts: Sequence[str]) -> tuple[Column, ...]:
    """Read `bmi:number:1` (a number with one place kept) or `smoker:yes|no` (a category and its public list)."""
    return tuple(_read(text) for text in texts)


def _read(text: str) -> Column:
    name, colon, rest = text.partition(":")
    if not (name and colon and rest):
        raise BadInput("column-malformed", f"A column is NAME:number[:PLACES] or NAME:ONE|TWO|…, not {text!r}.")
    if rest.split(":")[0] != "number":
        return Column(name=name, kind=Kind.CATEGORY, categories=tuple(rest.split("|")))
    places = rest.partition(":")[2] or "0"
    if not places.isdecimal() or int(places) > 9:
        raise BadInput("column-malformed", f"The places of column {name} are a number from 0 to 9, not {places!r}.")
    return Column(name=name, kind=Kind.NUMBER, decimals=int(places))
