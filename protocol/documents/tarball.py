"""Reading a tar archive strictly, in one pass, as bytes of a stranger.

Two readers that understand one archive differently are an attack: what was checked is not what is loaded. So only
the part of the format that every reader understands alike is accepted: POSIX ustar headers with octal numbers, and
pax records for a long path or link target. Everything else is refused by name: GNU extensions, base-256 numbers,
global records, sparse files, sizes on links, bytes after the end.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from protocol.errors import Refused

BLOCK = 512
_CHUNK = 1 << 20
_MAGIC = b"ustar\x0000"
_MAXIMUM_PAX_BYTES = 1 << 16
_MAXIMUM_PADDING_BYTES = 20 * BLOCK  # tar programs fill their last record of 20 blocks with zeros
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh", b"\x04\x22\x4d\x18")
_OCTAL = re.compile(rb"[0-7]{1,11}")


class Kind(StrEnum):
    """What an entry of an archive may be."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"


_KINDS = {b"0": Kind.FILE, b"1": Kind.HARDLINK, b"2": Kind.SYMLINK, b"5": Kind.DIRECTORY}
_DEVICES = {b"3": "a character device", b"4": "a block device", b"6": "a fifo"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of an archive; names are as they stand there, not yet checked."""

    untrusted_name: str
    kind: Kind
    mode: int
    size: int
    untrusted_target: str


class Source:
    """Reads exactly as many bytes as asked from a stream, counting and digesting them, never past `limit`."""

    def __init__(self, read: Callable[[int], bytes], limit: int) -> None:
        self._read = read
        self._limit = limit
        self._sha256 = hashlib.sha256()
        self.count = 0

    @property
    def digest(self) -> str:
        """SHA-256 of what was read so far, in hexadecimal."""
        return self._sha256.hexdigest()

    @property
    def left(self) -> int:
        """How many bytes the limit still allows."""
        return self._limit - self.count

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes; refuses a stream that ends before, or a limit that does."""
        if size > self.left:
            raise Refused("image-too-large", "The image is larger than allowed or than it declares.")
        data = self._read(size)
        while len(data) < size:
            more = self._read(size - len(data))
            if not more:
                raise Refused("image-truncated", "The image archive ends in the middle; transfer it again.")
            data += more
        self.count += size
        self._sha256.update(data)
        return data

    def take_rest(self, maximum: int) -> bytes:
        """Everything up to the stream's end; at most `maximum` bytes and one more, which says that there is more."""
        rest = b""
        while len(rest) <= maximum and (more := self._read(min(self.left, maximum + 1) - len(rest))):
            rest += more
        self.count += len(rest)
        self._sha256.update(rest)
        return rest

    def pass_over(self, size: int) -> None:
        """Read `size` bytes piece by piece and forget them."""
        while size:
            size -= len(self.take(min(size, _CHUNK)))


def read_entries(source: Source) -> Iterator[Entry]:
    """Each entry of the archive in `source`; the consumer may take the entry's bytes from it, all or none of them."""
    while (header := source.take(BLOCK)) != bytes(BLOCK):
        entry = _entry(source, header)
        start = source.count
        yield entry
        if source.count not in (start, start + entry.size):
            msg = "an entry's bytes were taken in part"
            raise RuntimeError(msg)
        source.pass_over(start + _padded(entry.size) - source.count)
    if source.take(BLOCK) != bytes(BLOCK):
        raise _malformed("it has an entry after its end mark")


def check_end(source: Source) -> None:
    """Refuse anything but a few blocks of zeros after the end mark."""
    rest = source.take_rest(_MAXIMUM_PADDING_BYTES)
    if len(rest) > _MAXIMUM_PADDING_BYTES or rest.strip(b"\0"):
        raise _malformed("it goes on after its end mark")
    if source.count % BLOCK:
        raise _malformed("its length is no multiple of 512 bytes")


def _entry(source: Source, header: bytes) -> Entry:
    _check_header(header)
    if header[156:157] != b"x":
        return _make(header, {})
    records = _pax(source, _number(header[124:136]))
    header = source.take(BLOCK)
    _check_header(header)
    if header[156:157] == b"x":
        raise _malformed("an entry has two extended headers")
    return _make(header, records)


def _make(header: bytes, records: dict[str, str]) -> Entry:
    kind = _kind(header[156:157])
    size = _number(header[124:136])
    if size and kind is not Kind.FILE:
        raise _malformed("a link or directory declares a size")
    return Entry(
        untrusted_name=records.get("path") or _name(header),
        kind=kind,
        mode=_number(header[100:108]),
        size=size,
        untrusted_target=records.get("linkpath") or _text(header[157:257]),
    )


def _kind(flag: bytes) -> Kind:
    if flag in _DEVICES:
        raise Refused("image-device", f"The image holds {_DEVICES[flag]}; remove it.")
    if flag not in _KINDS:
        raise _malformed(f"an entry has the unknown type {flag!r}")
    return _KINDS[flag]


def _check_header(header: bytes) -> None:
    if header.startswith(_COMPRESSED):
        raise Refused(
            "image-compressed", "The image archive or one of its layers is compressed; hand it in as plain tar."
        )
    if header[257:265] != _MAGIC:
        raise _malformed("an entry is not in the POSIX ustar format")
    total = sum(header) - sum(header[148:156]) + 8 * ord(" ")
    if _number(header[148:156]) != total:
        raise _malformed("a header's checksum is wrong")


def _name(header: bytes) -> str:
    prefix, name = _text(header[345:500]), _text(header[:100])
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    value, _, rest = field.partition(b"\0")
    if rest.strip(b"\0"):
        raise _malformed("a name goes on after its end")
    return _decoded(value)


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("image-path", "The image holds a name that is not UTF-8; rename the file.") from None


def _number(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not _OCTAL.fullmatch(digits):
        raise _malformed("a number in a header is not octal")
    return int(digits, 8)


def _pax(source: Source, size: int) -> dict[str, str]:
    """The records of an extended header: ``"<length> <key>=<value>\\n"`` (POSIX.1-2001 pax, extended header)."""
    if size > _MAXIMUM_PAX_BYTES:
        raise _malformed("an extended header is too long")
    body = source.take(_padded(size))[:size]
    records: dict[str, str] = {}
    while body:
        digits, _, _ = body[:6].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record, body = body[:length], body[length:]
        key, equals, value = record[len(digits) + 1 :].partition(b"=")
        if not equals or len(record) != length or not value.endswith(b"\n"):
            raise _malformed("an extended header is garbled")
        _check_key(key.decode("latin-1"), records)
        records[key.decode("latin-1")] = _decoded(value[:-1])
    return records


def _check_key(key: str, records: dict[str, str]) -> None:
    if key == "SCHILY.xattr.security.capability":
        raise Refused("image-file-capability", "The image gives a file capabilities; no chamber may hold any.")
    if key not in ("path", "linkpath"):
        raise _malformed(f"an entry carries the extended attribute {key!r}")
    if key in records:
        raise Refused("image-duplicate-member", "The image names one entry twice.")


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _malformed(what: str) -> Refused:
    return Refused("image-tar-format", f"The image archive is not canonical: {what}; build it with `algorithm build`.")
