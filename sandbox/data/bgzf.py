"""Read BGZF, the block-compressed gzip of VCF and BCF, and believe no block before its checksum was checked.

A block is a gzip member whose extra field `BC` gives its size; its text is at most 64 KiB. An empty block marks the
end of a file, so one that was cut off is known as such (SAM specification, section 4.1). Reading through gzip would
hand out a damaged block's text before its checksum came by, and name the wrong fault.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sandbox.errors import BadInput

_MAGIC: Final = b"\x1f\x8b\x08\x04"
_HEADER_BYTES: Final = 18
_TRAILER_BYTES: Final = 8
_EXTRA: Final = b"\x06\x00BC\x02\x00"  # the one extra field that every writer makes


def read_blocks(path: Path) -> Iterator[bytes]:
    """Yield the text of every block. Refused: another format (`vcf-not-bgzf`), damage or a cut (`vcf-truncated`)."""
    text = b"-"
    with path.open("rb") as stream:
        while header := stream.read(_HEADER_BYTES):
            _check_header(path, header, first=stream.tell() <= _HEADER_BYTES)
            size = int.from_bytes(header[16:18], "little") + 1
            text = _unpack(path, stream.read(max(0, size - _HEADER_BYTES)))
            yield text
    if text:
        raise _cut(path)


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a block-compressed text, without their ends."""
    begun: list[bytes] = []  # a line of many people is longer than a block
    for text in read_blocks(path):
        first, ended, more = text.partition(b"\n")
        begun.append(first)
        if ended:
            yield b"".join(begun)
            *lines, last = more.split(b"\n")
            yield from lines
            begun = [last]
    if rest := b"".join(begun):
        yield rest


def _check_header(path: Path, header: bytes, *, first: bool) -> None:
    if header[:4] == _MAGIC and header[10:16] == _EXTRA:
        return
    if not first:
        raise _cut(path)
    how = "plain gzip" if header[:2] == _MAGIC[:2] else "not compressed"
    raise BadInput("vcf-not-bgzf", f"{path.name} is {how}; compress it with `bgzip` and index it.")


def _unpack(path: Path, body: bytes) -> bytes:
    packed, trailer = body[:-_TRAILER_BYTES], body[-_TRAILER_BYTES:]
    try:
        text = zlib.decompress(packed, wbits=-zlib.MAX_WBITS)
    except zlib.error as error:
        raise _cut(path) from error
    if trailer != zlib.crc32(text).to_bytes(4, "little") + len(text).to_bytes(4, "little"):
        raise _cut(path)
    return text


def _cut(path: Path) -> BadInput:
    return BadInput("vcf-truncated", f"{path.name} is cut off or damaged. Copy it again, whole.")
