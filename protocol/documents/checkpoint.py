"""Checkpoints: a transparency log says, signed, how long it is and what its root is.

The form is the C2SP signed note and tlog-checkpoint, so that strangers' tools read it:

    <origin>
    <size>
    <root in base64>

    — <origin> <base64 of key id (4 bytes) and Ed25519 signature>

The origin follows from the log's key, so that whoever pins the key has pinned the name as well. Lines of other
signers, such as witnesses, are read over; extension lines, which nobody could audit, are refused.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from protocol.crypto.encoding import decode_base64, encode_base64
from protocol.crypto.keys import PublicKey, Signer
from protocol.crypto.merkle import HASH_BYTES
from protocol.documents import limits
from protocol.errors import Refused

CHARACTERS: Final = 10_000
_ED25519: Final = b"\x01"
_ORIGIN_DIGITS: Final = 32
_SIGNATURES: Final = 16
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_NAME = re.compile(r"[!-*,-~]{1,200}")  # printable ASCII without space and plus
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_SIGNATURE = re.compile("— ([^\\s+]{1,200}) ([A-Za-z0-9+/]+=*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a log says about itself. Believe it only if ``open_checkpoint`` made it."""

    origin: str
    size: int
    root: bytes
    raw: str

    @property
    def text(self) -> str:
        """The part that is signed."""
        return _text(self.origin, self.size, self.root)


def origin_of(key: PublicKey) -> str:
    """The name of the log whose key this is."""
    _check_scheme(key)
    return f"safeconduct-log/{key.keyid[:_ORIGIN_DIGITS]}"


def verifier_key(key: PublicKey) -> str:
    """The log's key as other tools for signed notes take it: ``name+id+base64``."""
    name = origin_of(key)
    return f"{name}+{_key_id(name, key).hex()}+{encode_base64(_ED25519 + key.raw)}"


def sign_checkpoint(key: Signer, size: int, root: bytes) -> str:
    """The log's signed word on its size and root. Ed25519 is deterministic: the same tree gives the same bytes."""
    origin = origin_of(key.public)
    text = _text(origin, size, root)
    signature = encode_base64(_key_id(origin, key.public) + key.sign(text.encode()))
    return f"{text}\n— {origin} {signature}\n"


def read_checkpoint(untrusted: str) -> Checkpoint:
    """What a checkpoint claims; its form is checked, its signature is not."""
    if len(untrusted) > CHARACTERS or _CONTROL.search(untrusted):
        raise _malformed("it is too long or holds control characters")
    text, separator, signatures = untrusted.rpartition("\n\n")
    lines = text.split("\n")
    if not separator or not signatures.endswith("\n") or len(lines) != 3:
        raise _malformed("it is not three lines, an empty one, and signatures")
    origin, size, root = lines[0], lines[1], decode_base64(lines[2])
    if not _NAME.fullmatch(origin) or not _SIZE.fullmatch(size) or int(size) > limits.JSON_INTEGER:
        raise _malformed("its origin or size cannot be read")
    if len(root) != HASH_BYTES or encode_base64(root) != lines[2]:
        raise _malformed("its root is not a SHA-256 in base64")
    return Checkpoint(origin=origin, size=int(size), root=root, raw=untrusted)


def open_checkpoint(untrusted: str, key: PublicKey) -> Checkpoint:
    """The checkpoint, if the log with this key signed it; refuses ``log-checkpoint-signature``."""
    claimed = read_checkpoint(untrusted)
    if claimed.origin != origin_of(key):
        raise _unsigned("is another log's")
    mine = [sig for name, sig in _signatures(untrusted) if (name, sig[:4]) == (claimed.origin, _key_id(name, key))]
    if not mine:
        raise _unsigned("lacks the log's signature")
    for signature in mine:
        try:
            key.verify(signature[4:], claimed.text.encode())
        except Refused as error:
            raise _unsigned("carries a signature that does not fit") from error
    return claimed


def _signatures(untrusted: str) -> list[tuple[str, bytes]]:
    lines = untrusted.rpartition("\n\n")[2].removesuffix("\n").split("\n")
    found = [_SIGNATURE.fullmatch(line) for line in lines]
    if len(found) > _SIGNATURES or not all(found):
        raise _malformed("a signature line cannot be read")
    return [(match[1], decode_base64(match[2])) for match in found if match]


def _text(origin: str, size: int, root: bytes) -> str:
    return f"{origin}\n{size}\n{encode_base64(root)}\n"


def _key_id(name: str, key: PublicKey) -> bytes:
    """The four bytes by which a signature line finds its key (C2SP signed-note)."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + key.raw).digest()[:4]


def _check_scheme(key: PublicKey) -> None:
    if key.scheme != "ed25519":
        raise Refused("log-key-scheme", "A log signs with Ed25519; pin the key that `safeconduct registry init` gave.")


def _malformed(why: str) -> Refused:
    return Refused("log-checkpoint-malformed", f"The log's checkpoint cannot be read: {why}; ask the registry again.")


def _unsigned(why: str) -> Refused:
    return Refused("log-checkpoint-signature", f"The checkpoint {why}; do not believe the registry that showed it.")
