"""Read again what was accepted once: parsed from the kept bytes, and remembered, since accepted bytes never change."""

from functools import lru_cache
from typing import Final, TypeVar

from protocol.documents.envelope import read_envelope
from protocol.documents.fields import Document

DocumentT = TypeVar("DocumentT", bound=Document)

_REMEMBERED: Final = 1024


def read(envelope: bytes, model: type[DocumentT]) -> DocumentT:
    """Return the document in an envelope from our own store; its signatures were checked at the door."""
    found = _read(envelope, model)
    if not isinstance(found, model):
        raise TypeError(f"the store holds a {type(found).__name__} where a {model.__name__} was indexed")
    return found


@lru_cache(maxsize=_REMEMBERED)
def _read(envelope: bytes, model: type[Document]) -> Document:
    return read_envelope(envelope).untrusted(model)
