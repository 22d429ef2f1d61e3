"""Families: connected components of parent-child relations and of a shared family id.

A pedigree file has six columns (family, individual, father, mother, sex, phenotype); 0 means not known. Only the
first four are read. Refused: a person who is not in the sample table (`pedigree-unknown-person`), a person twice
(`pedigree-duplicate-person`), somebody who is his own ancestor (`pedigree-loop`), a line of another shape
(`pedigree-malformed`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.errors import BadInput

_UNKNOWN: Final = "0"
_COLUMNS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One line of a pedigree: a person's family and known parents."""

    family: str
    person: str
    parents: tuple[str, ...]


def read_pedigree(path: Path, known: frozenset[str]) -> list[Relation]:
    """Read a .ped file about people of the sample table, and refuse what cannot be a pedigree."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise BadInput("file-missing", f"There is no file {path}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("pedigree-malformed", f"{path.name} cannot be read as a pedigree ({error}).") from error
    relations = [
        _relation(path.name, number, line.split())
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.startswith("#")
    ]
    _check_people(path.name, relations, known)
    _check_no_loop(path.name, {relation.person: relation.parents for relation in relations})
    return relations


def _relation(name: str, number: int, cells: Sequence[str]) -> Relation:
    if len(cells) < _COLUMNS:
        raise BadInput("pedigree-malformed", f"{name}, line {number}: a pedigree line has at least four columns.")
    family, person, *parents = cells[:_COLUMNS]
    return Relation(family=family, person=person, parents=tuple(p for p in parents if p != _UNKNOWN))


def _check_people(name: str, relations: Iterable[Relation], known: frozenset[str]) -> None:
    seen: set[str] = set()
    for relation in relations:
        if relation.person in seen:
            raise BadInput("pedigree-duplicate-person", f"{name} has the person {relation.person} twice.")
        seen.add(relation.person)
        for person in (relation.person, *relation.parents):
            if person not in known:
                sentence = f"{name} names the person {person}, who is not in the sample table."
                raise BadInput("pedigree-unknown-person", sentence)


def _check_no_loop(name: str, parents: Mapping[str, tuple[str, ...]]) -> None:
    """Take away people without remaining parents until nobody is left; whoever cannot be taken is in a loop."""
    waiting = {person: {p for p in named if p in parents} for person, named in parents.items()}
    children: dict[str, list[str]] = {}
    for person, named in waiting.items():
        for parent in named:
            children.setdefault(parent, []).append(person)
    ready = [person for person, named in waiting.items() if not named]
    while ready:
        done = ready.pop()
        del waiting[done]
        for child in children.get(done, ()):
            waiting[child].discard(done)
            if not waiting[child]:
                ready.append(child)
    if waiting:
        raise BadInput("pedigree-loop", f"{name}: {min(waiting)} would be an ancestor of themselves.")


def families(people: Iterable[tuple[str, str]], relations: Iterable[Relation]) -> dict[str, str]:
    """Return each person's family name: the least family id in the component, or the person's own id when alone.

    `people` are (subject id, family id or nothing). The name depends on the component alone, so that nobody else's
    arrival or withdrawal moves a family.
    """
    joined = _Components()
    for person, family in people:
        joined.add(("person", person))
        if family:
            joined.join(("person", person), ("family", family))
    for relation in relations:
        joined.join(("person", relation.person), ("family", relation.family))
        for parent in relation.parents:
            joined.join(("person", relation.person), ("person", parent))
    return joined.names()


_Node = tuple[str, str]


class _Components:
    """Sets that are joined as relations come (union by least element, paths halved)."""

    def __init__(self) -> None:
        self._above: dict[_Node, _Node] = {}

    def add(self, node: _Node) -> None:
        self._above.setdefault(node, node)

    def join(self, one: _Node, other: _Node) -> None:
        self.add(one)
        self.add(other)
        # "family" sorts before "person": the least element of a component names it.
        low, high = sorted((self._top(one), self._top(other)))
        self._above[high] = low

    def names(self) -> dict[str, str]:
        return {name: ":".join(self._top((kind, name))) for kind, name in list(self._above) if kind == "person"}

    def _top(self, node: _Node) -> _Node:
        while self._above[node] != node:
            self._above[node] = self._above[self._above[node]]
            node = self._above[node]
        return node
