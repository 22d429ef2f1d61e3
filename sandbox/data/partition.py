"""Who belongs together, and where: units, micro-blocks and slots by keyed hash.

1. A privacy unit is a family or a person. Its id is frozen for the lineage: whoever was in a unit stays in it.
2. Its micro-block is HMAC-SHA256(lineage key, unit id) modulo the number of micro-blocks, which the lineage fixes.
   So a unit's place depends on the unit alone.
3. Of a unit with more than `maximum_family_size` members, those with the least keyed hash stay.
4. Its slot, for one chamber per unit, is given once and never to another unit. The first snapshot orders units by
   keyed hash; a withdrawn unit leaves its slot empty.
5. Names inside chambers are keyed hashes.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.domain.dataset import Unit
from sandbox.errors import BadInput

KEY_BYTES: Final = 32
MICRO_BLOCKS: Final = 1024
_NAME_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person's place: who, in which unit."""

    person: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """What a lineage remembers from snapshot to snapshot, also of people who withdrew."""

    units: Mapping[str, str]  # a person's name in chambers -> unit id
    slots: Mapping[str, int]  # unit id -> slot


EMPTY: Final = Lineage(units={}, slots={})


class KeyedHash:
    """HMAC-SHA256 under one lineage's key, for one purpose at a time."""

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"a lineage key has at least {KEY_BYTES} bytes")
        self._key = key

    def digest(self, purpose: str, text: str) -> bytes:
        """Return the keyed hash of a text; the same text under two purposes gives unrelated values."""
        return hmac.digest(self._key, f"{purpose}\0{text}".encode(), hashlib.sha256)

    def micro_block(self, unit: str) -> int:
        """Return the micro-block of a unit."""
        return int.from_bytes(self.digest("micro-block", unit)[:8], "big") % MICRO_BLOCKS

    def name(self, kind: str, text: str) -> str:
        """Return the name by which chambers know a person or a family."""
        return self.digest(kind, text)[:_NAME_BYTES].hex()


def assign_units(unit: Unit, families: Mapping[str, str], lineage: Lineage, keyed: KeyedHash) -> list[Member]:
    """Give every person a unit id; refuse relations that join two units of the lineage (`lineage-units-joined`)."""
    if unit is Unit.PERSON:
        return [Member(person=person, unit=f"person:{person}") for person in families]
    before: dict[str, set[str]] = {}
    for person, family in families.items():
        frozen = lineage.units.get(keyed.name("person", person))
        before.setdefault(family, set()).update([frozen] if frozen else [])
    for family, units in before.items():
        if len(units) > 1:
            sentence = f"The pedigree now joins {len(units)} families of this lineage (at {family}); units are frozen."
            raise BadInput("lineage-units-joined", sentence)
    return [Member(person=p, unit=next(iter(before[f]), f)) for p, f in families.items()]


def keep_members(members: Iterable[Member], maximum: int, keyed: KeyedHash) -> list[Member]:
    """Keep at most `maximum` members of every unit, by keyed hash: a choice that depends on the unit alone."""
    grouped: dict[str, list[Member]] = {}
    for member in members:
        grouped.setdefault(member.unit, []).append(member)
    for unit in grouped.values():
        unit.sort(key=lambda member: keyed.digest("member", member.person))
    return [member for unit in grouped.values() for member in unit[:maximum]]


def assign_slots(units: Iterable[str], slots: int, lineage: Lineage, keyed: KeyedHash) -> dict[str, int]:
    """Give every new unit the next free slot; refuse when there are more units than the public number of slots."""
    given = dict(lineage.slots)
    fresh: Sequence[str] = sorted(set(units) - given.keys(), key=lambda unit: keyed.digest("slot", unit))
    first = max(given.values(), default=-1) + 1
    given.update((unit, first + at) for at, unit in enumerate(fresh))
    if len(given) > slots:
        sentence = f"This lineage has {len(given)} units but only {slots} slots; declare more slots."
        raise BadInput("slots-too-few", sentence)
    return given
