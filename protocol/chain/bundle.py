"""An order and everything that a node needs in order to believe it, as one thing to carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from protocol.documents import limits
from protocol.documents.fields import Items, Record
from protocol.documents.strict import build, canonical, malformed, parse_object


class _Carried(Record):
    order: str
    algorithm: str
    approvals: Items[str]
    accreditations: Items[str]
    rosters: Items[str]
    statuses: Items[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBundle:
    """The exact bytes of each envelope, as they were received."""

    order: bytes
    algorithm: bytes
    approvals: tuple[bytes, ...]
    accreditations: tuple[bytes, ...]
    rosters: tuple[bytes, ...]
    statuses: tuple[bytes, ...]

    def to_json(self) -> bytes:
        """One JSON object of texts; ``from_json`` gives back the same bytes."""
        return canonical(
            {
                "order": self.order.decode(),
                "algorithm": self.algorithm.decode(),
                **{name: [raw.decode() for raw in getattr(self, name)] for name in _LISTS},
            }
        )

    @classmethod
    def from_json(cls, untrusted: bytes) -> Self:
        """A bundle of at most ``limits.BUNDLE_BYTES`` and ``limits.BUNDLE_DOCUMENTS``; nothing in it is checked yet."""
        carried = build(_Carried, parse_object(untrusted, limits.BUNDLE_BYTES))
        lists = {name: tuple(text.encode() for text in getattr(carried, name)) for name in _LISTS}
        if sum(map(len, lists.values())) > limits.BUNDLE_DOCUMENTS:
            raise malformed(f"the bundle holds more than {limits.BUNDLE_DOCUMENTS} documents")
        return cls(order=carried.order.encode(), algorithm=carried.algorithm.encode(), **lists)


_LISTS = ("approvals", "accreditations", "rosters", "statuses")
