"""Faults of an image archive that no ordinary tool writes, and the reader's own rules."""

import io
import tarfile

import pytest
from image_archives import END, Archive, entry, patched

from protocol.documents.image import OCI_MANIFEST_TYPE, ImageLimits, read_identity
from protocol.documents.tarball import Source, check_end, read_entries
from protocol.errors import Refused


def source(content: bytes, limit: int = 1 << 20) -> Source:
    return Source(io.BytesIO(content).read, limit)


def pax(records: bytes, size: int | None = None) -> bytes:
    """An extended header with these records, and the entry that it belongs to."""
    header = entry("x", records, type=tarfile.XHDTYPE)
    return (header if size is None else patched(header, 124, f"{size:011o}\0".encode())) + entry("x", b"content")


def test_stream_that_gives_byte_by_byte_is_read_whole() -> None:
    content = io.BytesIO(entry("x", b"content") + END)
    slow = Source(lambda size: content.read(min(size, 1)), 1 << 20)

    assert [(each.untrusted_name, each.size) for each in read_entries(slow)] == [("x", 7)]


def test_taking_an_entry_in_part_is_a_wrong_call() -> None:
    reading = source(entry("x", b"content") + END)
    entries = read_entries(reading)
    next(entries)
    reading.take(3)

    with pytest.raises(RuntimeError, match="in part"):
        next(entries)


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("image-tar-format", entry("x", b"", type=tarfile.XHDTYPE) + pax(b"")),
        ("image-tar-format", pax(b"", size=1 << 20)),
        ("image-tar-format", pax(b"garbled")),
        ("image-tar-format", pax(b"99 path=y\n")),
        ("image-tar-format", pax(b"10 path=yyy")),
        ("image-duplicate-member", pax(b"10 path=y\n" + b"10 path=z\n")),
    ],
    ids=["two headers", "too long", "no length", "wrong length", "no end", "named twice"],
)
def test_extended_header_is_refused_for_its_fault(code: str, content: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        list(read_entries(source(content + END)))

    assert refusal.value.code == code


def test_archive_that_ends_within_a_block_is_refused() -> None:
    reading = source(END + bytes(100))
    list(read_entries(reading))

    with pytest.raises(Refused, match="multiple of 512"):
        check_end(reading)


@pytest.mark.parametrize(
    "manifest",
    [
        "not an object",
        {"mediaType": OCI_MANIFEST_TYPE, "digest": 7, "size": 1},
        {"mediaType": OCI_MANIFEST_TYPE, "digest": "sha256:short", "size": 1},
    ],
)
def test_index_that_names_no_manifest_is_refused(manifest: object) -> None:
    archive = Archive(index={"schemaVersion": 2, "manifests": [manifest]}).write()

    with pytest.raises(Refused) as refusal:
        read_identity(io.BytesIO(archive), ImageLimits())

    assert refusal.value.code == "image-document"


def test_index_that_is_no_json_is_refused() -> None:
    archive = Archive().write().replace(b'"manifests":', b'"manifests"!', 1)

    with pytest.raises(Refused) as refusal:
        read_identity(io.BytesIO(archive), ImageLimits())

    assert refusal.value.code == "image-document"
