"""What changed between two versions of an algorithm, in words: every field that their documents bind.

1. Nothing that is signed is left out: the fields are those of the document itself, whatever they are called.
2. Outputs, statistics and parameters are compared by name. One that is new or gone is told as a whole.
3. Values are untrusted text of an author, cut where they are long; they are never markup.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from protocol.documents.algorithm import Algorithm
from protocol.documents.strict import Json, canonical
from registry.domain.contents import Contents

LABELS: Final = {
    "name": "name",
    "version": "version",
    "author": "author",
    "summary": "summary",
    "purpose": "purposes",
    "source_commit": "source commit",
    "image": "image",
    "entrypoint": "program that is started",
    "inputs": "what it reads",
    "parameters": "parameters",
    "unit": "who is protected as one",
    "mode": "mode",
    "outputs": "outputs",
    "statistics": "statistics",
    "slot_milliseconds": "milliseconds for each chamber",
    "memory_bytes": "bytes of memory for each chamber",
    "output_bytes": "bytes of output for each chamber",
    "model_parameters": "parameters of its model",
}
"""The document's fields in words."""

ROWS_MOST: Final = 500
_NONE: Final = "none"
_LONGEST: Final = 300
_AROUND: Final = 60
_NAMED: Final = ("outputs", "statistics")

Path = tuple[str, ...]
"""Where a value stands in a document, by the names that lead to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field with its value before and after, each in words."""

    what: str
    before: str
    after: str


def changes(before: Algorithm, after: Algorithm) -> tuple[Change, ...]:
    """Return what differs, in the document's order: at most `ROWS_MOST` rows, and one that says that there are more."""
    found = tuple(islice(_changes(before, after), ROWS_MOST + 1))
    if len(found) > ROWS_MOST:
        more = Change(what="more changes", before="not shown", after="compare the documents themselves")
        return (*found[:ROWS_MOST], more)
    return found


def package_changes(before: Contents, after: Contents) -> tuple[Change, ...]:
    """Return the packages that two images list differently: added, removed, or in another version."""
    ours, theirs = _versions(before), _versions(after)
    names = (name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name))
    return tuple(
        Change(what=name, before=ours.get(name, _NONE), after=theirs.get(name, _NONE))
        for name in islice(names, ROWS_MOST)
    )


def _versions(contents: Contents) -> dict[str, str]:
    versions: dict[str, list[str]] = {}
    for each in contents.packages:
        versions.setdefault(f"{each.name} ({each.kind})", []).append(each.version)
    return {name: ", ".join(sorted(found)) for name, found in versions.items()}


def _changes(before: Algorithm, after: Algorithm) -> Iterator[Change]:
    ours, theirs = _facts(before), _facts(after)
    known, new = _items(before), _items(after)
    for item in (*known, *(each for each in new if each not in known)):
        if (item in known) != (item in new):
            yield Change(what=_words(item), before=known.get(item, _NONE), after=new.get(item, _NONE))
    for path in dict.fromkeys((*ours, *theirs)):
        alone = path[:2] in known.keys() ^ new.keys()
        if not alone and (path in ours, ours.get(path)) != (path in theirs, theirs.get(path)):
            yield _change(path, ours.get(path), theirs.get(path))


def _items(algorithm: Algorithm) -> dict[Path, str]:
    """Outputs and statistics by name, each in words."""
    items: dict[Path, str] = {("outputs", one.name): one.in_words() for one in algorithm.outputs}
    return items | {("statistics", one.name): one.in_words() for one in algorithm.statistics}


def _facts(algorithm: Algorithm) -> dict[Path, Json]:
    """Flatten a document to its values by path; paths and values are kept apart as they are, so that none collide."""
    facts: dict[Path, Json] = {}
    for name, value in algorithm.model_dump(mode="json").items():
        if name in _NAMED:
            facts[(name,)] = [item["name"] for item in value]
            for item in value:
                facts |= dict(_flat((name, item["name"]), item))
        else:
            facts |= dict(_flat((name,), value))
    return facts


def _flat(path: Path, value: Json) -> Iterator[tuple[Path, Json]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat((*path, name), inner)
    else:
        yield path, value


def _change(path: Path, before: Json, after: Json) -> Change:
    old, new = _text(before), _text(after)
    if old == new:  # a list of one name with a comma and one of two names read alike
        old, new = canonical(before).decode(), canonical(after).decode()
    start = _first_difference(old, new)
    return Change(what=_words(path), before=_cut(old, start), after=_cut(new, start))


def _words(path: Path) -> str:
    first, *rest = path
    return ", ".join([LABELS.get(first, first), *(each.replace("_", " ") for each in rest)])


def _text(value: Json) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(str(each) for each in value) or _NONE
    if isinstance(value, str):
        return value
    return _NONE if value is None else canonical(value).decode()


def _first_difference(one: str, other: str) -> int:
    same = (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(same, min(len(one), len(other)))


def _cut(text: str, start: int) -> str:
    """Show a long text from a little before where it differs."""
    if len(text) <= _LONGEST:
        return text
    begin = max(0, start - _AROUND)
    shown = text[begin : begin + _LONGEST]
    return f"{'…' if begin else ''}{shown}{'…' if begin + _LONGEST < len(text) else ''}"
