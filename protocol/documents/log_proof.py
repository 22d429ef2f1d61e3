"""Proofs that the log holds a document, as C2SP's tlog-proof writes them.

    c2sp.org/tlog-proof@v1
    extra <base64 of {"leaf": "<the leaf's line>", "salt": "<hex>"}>
    index <n>
    <base64 of each hash of the path, the leaf's sibling first>

    <checkpoint>

``extra`` is what a stranger needs to hash the leaf; the salt opens its commitment for whoever has the document, and
is missing once it was erased.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from protocol.crypto.encoding import decode_base64, encode_base64
from protocol.documents.checkpoint import CHARACTERS
from protocol.documents.fields import Digest, Record
from protocol.documents.leaf import Leaf, read_leaf
from protocol.documents.strict import build, canonical, parse_object
from protocol.errors import Refused

_FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})")
_DEEPEST: Final = 64


class _Extra(Record):
    leaf: str
    salt: Digest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProof:
    """One leaf, where it stands, the path to the root, and the untrusted checkpoint that vouches for the root."""

    leaf: Leaf
    salt: bytes | None
    index: int
    path: tuple[bytes, ...]
    checkpoint: str


def write_log_proof(leaf: bytes, salt: bytes | None, index: int, path: Sequence[bytes], checkpoint: str) -> str:
    """The proof as text."""
    extra = canonical({"leaf": leaf.decode(), "salt": salt.hex() if salt else None})
    lines = [_FIRST_LINE, f"extra {encode_base64(extra)}", f"index {index}", *map(encode_base64, path)]
    return "\n".join([*lines, "", checkpoint])


def read_log_proof(untrusted: str) -> LogProof:
    """The proof that a text holds; its form is checked, nothing in it is verified. Refuses ``log-proof-malformed``."""
    if len(untrusted) > CHARACTERS:
        raise _malformed("it is too long")
    head, separator, checkpoint = untrusted.partition("\n\n")
    lines = head.split("\n")
    if not separator or len(lines) < 3 or lines[0] != _FIRST_LINE or not lines[1].startswith("extra "):
        raise _malformed("its first lines are not those of a proof with extra data")
    index = _INDEX.fullmatch(lines[2])
    if index is None or len(lines) > 3 + _DEEPEST:
        raise _malformed("its index or path cannot be read")
    try:
        extra = build(_Extra, parse_object(decode_base64(lines[1].removeprefix("extra "))))
        path = tuple(decode_base64(line) for line in lines[3:])
    except Refused as error:
        raise _malformed("its extra data or path is broken") from error
    return LogProof(
        leaf=read_leaf(extra.leaf.encode()),
        salt=bytes.fromhex(extra.salt) if extra.salt else None,
        index=int(index[1]),
        path=path,
        checkpoint=checkpoint,
    )


def _malformed(why: str) -> Refused:
    return Refused("log-proof-malformed", f"A proof from the log cannot be read: {why}; ask the registry again.")
