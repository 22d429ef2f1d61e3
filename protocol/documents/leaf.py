"""Leaves of the transparency log: what the public sees of a document, and a commitment to all of it.

A leaf is one line of canonical JSON:

    {"commitment":"<SHA-256 of salt and payload>","kind":"approval","public":{"algorithm":"…","committee":"…"}}

1. ``public`` holds exactly the fields that ``PUBLIC`` lists for the kind, as the document has them. No person's name,
   no parameter, no reason, and no vote (first votes are blind) is among them.
2. Everything else is in the payload. Salt and payload, the leaf's preimage, live outside of the log. Once they are
   erased, nobody can tell what the commitment was to, and every proof stays valid.
3. The salt is as long as the digest: without it the commitment does not even confirm a guess.
"""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import StringConstraints

from protocol.crypto import merkle
from protocol.documents.envelope import Envelope
from protocol.documents.fields import Digest, Record
from protocol.documents.strict import Json, build, canonical, parse_object
from protocol.errors import Refused

SALT_BYTES: Final = 32
LEAF_BYTES: Final = 4096

#: Each kind's public fields, and where in the document they stand; an empty path is the document's own digest.
PUBLIC: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "accreditation": {"kind": ("kind",), "office": ("office",), "valid_until": ("valid_until",)},
        "roster": {"committee": ("committee",), "office": ("office",), "version": ("version",)},
        "status": {"office": ("office",), "version": ("version",), "expires": ("expires",)},
        "algorithm": {"algorithm": (), "image": ("image", "archive_digest"), "mode": ("mode",), "unit": ("unit",)},
        "approval": {"algorithm": ("algorithm",), "committee": ("committee",)},
        "job-order": {"algorithm": ("algorithm",), "dataset": ("dataset",), "node": ("node",)},
        "receipt": {
            "algorithm": ("algorithm",),
            "dataset": ("dataset",),
            "decision": ("decision",),
            "issued": ("issued",),
            "node": ("node",),
            "rho_charged_nano": ("rho_charged_nano",),
        },
        "rehearsal": {"image": ("image",), "issued": ("issued",), "proposal": ("proposal",)},
    }
)

#: Parts of a document that may be null; the log then shows an empty text. A statistic has no image.
_NULLABLE: Final = frozenset({"image"})

_Public = int | Annotated[str, StringConstraints(max_length=200)]


class Leaf(Record):
    """One entry of the log, as the public sees it."""

    commitment: Digest
    kind: Annotated[str, StringConstraints(max_length=40)]
    public: dict[str, _Public]

    def to_bytes(self) -> bytes:
        """The line that is hashed and exported."""
        return canonical(self.model_dump(mode="json"))

    @property
    def hash(self) -> bytes:
        """The leaf's hash in the tree."""
        return merkle.leaf_hash(self.to_bytes())


def make_leaf(envelope: Envelope, salt: bytes) -> Leaf:
    """The leaf of a document under a fresh random ``salt``; refuses kinds that are not logged."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    return Leaf(
        commitment=hashlib.sha256(salt + envelope.payload).hexdigest(),
        kind=envelope.untrusted_kind,
        public=_public(envelope),
    )


def read_leaf(untrusted: bytes) -> Leaf:
    """A leaf from its line; refuses (``log-leaf``) another spelling, an unknown kind, and any field not listed."""
    try:
        leaf = build(Leaf, parse_object(untrusted, LEAF_BYTES))
    except Refused as error:
        raise Refused("log-leaf", f"An entry of the log cannot be read. {error.sentence}") from error
    if leaf.kind not in PUBLIC or leaf.public.keys() != PUBLIC[leaf.kind].keys():
        raise Refused("log-leaf", "An entry of the log shows other fields than its kind may; distrust the registry.")
    if leaf.to_bytes() != untrusted:
        raise Refused("log-leaf", "An entry of the log is not in its only form; distrust the registry.")
    return leaf


def check_opens(leaf: Leaf, envelope: Envelope, salt: bytes) -> None:
    """Refuse (``log-commitment``) unless ``leaf`` is the one of this very document."""
    if len(salt) != SALT_BYTES or make_leaf(envelope, salt) != leaf:
        raise Refused("log-commitment", "The log's entry is not the one of this document; distrust the registry.")


def _public(envelope: Envelope) -> dict[str, _Public]:
    fields = PUBLIC.get(envelope.untrusted_kind)
    if fields is None:
        raise Refused("log-leaf", f"Documents of the kind {envelope.untrusted_kind} are not logged.")
    predicate = parse_object(envelope.payload)["predicate"]
    return {name: _find(predicate, path) if path else envelope.digest for name, path in fields.items()}


def _find(value: Json, path: tuple[str, ...]) -> _Public:
    for step in path:
        if step in _NULLABLE and isinstance(value, dict) and step in value and value[step] is None:
            return ""
        value = value.get(step) if isinstance(value, dict) else None
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise Refused("log-leaf", f"The document has no field {'.'.join(path)} that the log could show.")
    return value
