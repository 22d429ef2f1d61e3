"""Reading an image archive: what is accepted, and each thing that is refused, by its code."""

import gzip
import hashlib
import io
import re
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_archives import (
    BLOBS,
    Archive,
    directory,
    entry,
    hardlink,
    layer,
    padded,
    patched,
    sha256,
    symlink,
    written,
)

from protocol.codes import IMAGE_CODES
from protocol.documents.image import ImageLimits, read_identity
from protocol.errors import Refused

LIMITS = ImageLimits()
DOCUMENTS = Path(__file__).parents[3] / "protocol" / "documents"
NOISE = hashlib.shake_128(b"noise").digest(4096)
HOLE = patched(entry("sparse"), 156, b"S")


def read(archive: bytes, limits: ImageLimits = LIMITS) -> object:
    return read_identity(io.BytesIO(archive), limits)


def test_identity_names_configuration_layers_archive_and_manifest() -> None:
    archive = Archive(layers=[layer(entry("a", b"1")), layer(entry("b", b"2"))])
    raw = archive.write()

    identity = read_identity(io.BytesIO(raw), LIMITS)

    assert identity.config_digest == f"sha256:{sha256(archive.config_bytes())}"
    assert identity.layers == tuple(f"sha256:{sha256(content)}" for content in archive.layers)
    assert identity.archive_digest == sha256(raw)
    assert identity.manifest_digest == f"sha256:{sha256(archive.manifest_bytes())}"
    assert identity.uncompressed_bytes == sum(map(len, archive.layers))


@pytest.mark.parametrize(
    "content",
    [
        layer(directory("etc"), entry("etc/name", b"x"), symlink("etc/link", "../usr/x")),
        layer(entry("a", b"x"), hardlink("b", "a")),
        layer(entry("usr/" + "long" * 60, b"x")),
        layer(entry("etc/żółć", b"x")),
        layer(entry("usr/.wh.gone"), entry("usr/.wh..wh..opq")),
        layer(directory("mnt"), directory("mnt/input"), directory("tmp/")),
        layer(entry("a", b"x")) + bytes(9 * 1024),
    ],
    ids=["links", "hard link", "long name", "letters", "whiteouts", "mount points", "zeros at the end"],
)
def test_harmless_layer_is_accepted(content: bytes) -> None:
    read(Archive(layers=[content]).write())


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("image-path-escape", layer(entry("../x"))),
        ("image-path-escape", layer(entry("usr/../../x"))),
        ("image-path-escape", layer(entry("/etc/x"))),
        ("image-path-escape", layer(symlink("usr", "etc"), entry("usr/x"))),
        ("image-path-escape", layer(entry("usr", b"a file"), entry("usr/x"))),
        ("image-path", layer(entry("./x"))),
        ("image-path", layer(entry("usr//x"))),
        ("image-path", layer(entry("line\nbreak"))),
        ("image-path", layer(patched(entry("not-utf-8"), 0, b"\xff"))),
        ("image-path-too-long", layer(entry("/".join(["d"] * 40)))),
        ("image-path-too-long", layer(entry("x" * 1025))),
        ("image-link-escape", layer(symlink("x", "/etc/shadow"))),
        ("image-link-escape", layer(symlink("usr/x", "../../etc"))),
        ("image-link-escape", layer(symlink("usr/x", "y/../../../etc"))),
        ("image-link-escape", layer(symlink("x", ""))),
        ("image-link-escape", layer(hardlink("x", "/etc/shadow"))),
        ("image-link-escape", layer(hardlink("x", "later"), entry("later"))),
        ("image-device", layer(entry("dev/x", type=tarfile.CHRTYPE))),
        ("image-device", layer(entry("dev/x", type=tarfile.BLKTYPE))),
        ("image-device", layer(entry("x", type=tarfile.FIFOTYPE))),
        ("image-setuid", layer(entry("su", mode=0o4755))),
        ("image-setuid", layer(entry("su", mode=0o2755))),
        ("image-file-capability", layer(entry("x", pax_headers={"SCHILY.xattr.security.capability": "x"}))),
        ("image-duplicate-member", layer(entry("x", b"1"), entry("x", b"2"))),
        ("image-duplicate-member", layer(directory("x/"), directory("x"))),
        ("image-whiteout", layer(entry("usr/.wh...", b""))),
        ("image-whiteout", layer(entry("usr/.wh.", b""))),
        ("image-whiteout", layer(entry(".wh..wh.plnk", b""))),
        ("image-whiteout", layer(entry(".wh.x", b"content"))),
        ("image-whiteout", layer(directory(".wh.x"))),
        ("image-reserved-path", layer(entry("mnt/input/input.json"))),
        ("image-reserved-path", layer(symlink("mnt", "usr"))),
        ("image-reserved-path", layer(entry(".chamber-init"))),
        ("image-reserved-path", layer(symlink("proc", "usr"))),
        ("image-tar-format", layer(HOLE)),
        ("image-tar-format", layer(entry("x", pax_headers={"mtime": "1.5"}))),
        ("image-tar-format", layer(patched(entry("x"), 156, b"L"))),
        ("image-tar-format", layer(patched(entry("x"), 156, b"g"))),
        ("image-tar-format", layer(patched(entry("x"), 257, b"ustar  \0"))),
        ("image-tar-format", layer(patched(entry("x"), 124, b"\x80" + bytes(10) + b"\1"))),
        ("image-tar-format", layer(patched(symlink("x", "y"), 124, b"00000001000\0"))),
        ("image-tar-format", layer(patched(entry("x"), 90, b"hidden"))),
        ("image-tar-format", layer(entry("x", linkname="y"))),
        ("image-tar-format", layer(b"\1" + entry("x")[1:])),
        ("image-tar-format", layer() + entry("after the end")),
        ("image-tar-format", layer() + bytes(11 * 1024)),
        ("image-too-large", entry("no end mark")),
        ("image-compressed", gzip.compress(layer(entry("x", NOISE)))),
        ("image-compressed", b"\x28\xb5\x2f\xfd" + bytes(1020)),
    ],
)
def test_layer_is_refused_for_its_fault(code: str, content: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        read(Archive(layers=[content]).write())

    assert refusal.value.code == code


def test_entry_through_a_link_of_a_lower_layer_is_refused() -> None:
    archive = Archive(layers=[layer(symlink("usr", "etc")), layer(entry("usr/x"))])

    with pytest.raises(Refused, match="image-path-escape"):
        read(archive.write())


@pytest.mark.parametrize(
    ("code", "archive"),
    [
        ("image-several", Archive(table=[{}, {}])),
        ("image-several", Archive(table=[])),
        ("image-several", Archive(index={"manifests": [{}, {}]})),
        ("image-tag", Archive(table=[{"Config": "x", "Layers": ["x"], "RepoTags": ["approved:latest"]}])),
        ("image-tag", Archive(index={"manifests": [{"annotations": {"org.opencontainers.image.ref.name": "x"}}]})),
        ("image-document", Archive(table=[{"Config": "../config", "Layers": ["x"]}])),
        ("image-document", Archive(table=[{"Config": f"{BLOBS}{'0' * 64}", "Layers": ["../layer"]}])),
        ("image-document", Archive(table=[{"Config": "x", "Layers": ["y"], "Parent": "z"}])),
        ("image-document", Archive(layout=b"{}")),
        ("image-duplicate-member", Archive(layers=[layer(entry("x"))] * 2)),
        ("image-digest", Archive(config={"rootfs": {"type": "layers", "diff_ids": [f"sha256:{'0' * 64}"]}})),
        ("image-platform", Archive(config={"os": "windows"})),
        ("image-platform", Archive(config={"architecture": "mips"})),
        ("image-volume", Archive(settings={"Volumes": {"/data": {}}})),
        ("image-healthcheck", Archive(settings={"Healthcheck": {"Test": ["CMD", "true"]}})),
        ("image-onbuild", Archive(settings={"OnBuild": ["RUN true"]})),
        ("image-media-type", Archive(media_type="application/vnd.oci.image.layer.v1.tar+gzip")),
        ("image-media-type", Archive(config_type="application/vnd.docker.container.image.v1+json")),
        ("image-media-type", Archive(manifest_type="application/vnd.oci.image.index.v1+json")),
    ],
)
def test_archive_is_refused_for_its_fault(code: str, archive: Archive) -> None:
    with pytest.raises(Refused) as refusal:
        read(archive.write())

    assert refusal.value.code == code


def test_member_twice_is_refused() -> None:
    members = Archive().members()

    with pytest.raises(Refused, match="image-duplicate-member"):
        read(written([*members[:2], members[1], *members[2:]]))


def test_member_too_many_is_refused() -> None:
    with pytest.raises(Refused, match="image-unexpected-member"):
        read(written([*Archive().members(), ("repositories", b"{}")]))


def test_member_outside_is_refused() -> None:
    with pytest.raises(Refused, match="image-path-escape"):
        read(written([*Archive().members(), ("../../etc/cron.d/x", b"")]))


def test_missing_layer_is_refused() -> None:
    with pytest.raises(Refused, match="image-missing-member"):
        read(written(Archive().members()[:-1]))


@pytest.mark.parametrize("member", [1, 4, 5])
def test_blob_with_other_content_than_its_name_is_refused(member: int) -> None:
    members = Archive().members()
    name, content = members[member]
    members[member] = (name, content.replace(b"run", b"ran").replace(b"{", b"{ ", 1))

    with pytest.raises(Refused, match="image-digest"):
        read(written(members))


def test_manifest_of_another_image_is_refused() -> None:
    mine, other = Archive().members(), Archive(layers=[layer(entry("other"))]).members()

    with pytest.raises(Refused, match="image-digest"):
        read(written([*mine[:3], *other[3:5], *mine[5:]]))


def test_compressed_archive_is_refused() -> None:
    with pytest.raises(Refused, match="image-compressed"):
        read(gzip.compress(Archive().write()))


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(Refused, match="image-tar-format"):
        read(Archive().write() + padded(b"#!/bin/sh"))


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        ("image-too-large", replace(LIMITS, archive_bytes=4096)),
        ("image-too-large", replace(LIMITS, file_bytes=2)),
        ("image-too-large", replace(LIMITS, document_bytes=10)),
        ("image-too-many-entries", replace(LIMITS, entries=1)),
        ("image-too-many-layers", replace(LIMITS, layers=0)),
    ],
)
def test_archive_beyond_a_limit_is_refused(code: str, limits: ImageLimits) -> None:
    with pytest.raises(Refused) as refusal:
        read(Archive().write(), limits)

    assert refusal.value.code == code


def test_archive_exactly_at_the_limit_is_read_to_its_end() -> None:
    raw = Archive().write()

    read(raw, replace(LIMITS, archive_bytes=len(raw)))
    with pytest.raises(Refused):
        read(raw + bytes(512), replace(LIMITS, archive_bytes=len(raw)))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_archive_is_refused_or_has_another_digest(data: st.DataObject) -> None:
    """One changed byte, or a cut: never the same identity, never another exception than `Refused`."""
    raw = Archive(layers=[layer(entry("a", b"1" * 600), symlink("b", "a"))]).write()
    place = data.draw(st.integers(0, len(raw) - 1))
    damaged = raw[:place] + bytes([raw[place] ^ data.draw(st.integers(1, 255))]) + raw[place + 1 :]
    if data.draw(st.booleans()):
        damaged = raw[:place]

    try:
        assert read(damaged) != read(raw)
    except Refused:
        return


def test_cut_archive_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        read(Archive().write()[:700])

    assert refusal.value.code == "image-truncated"


def test_every_code_is_listed_and_provoked_here() -> None:
    readers = "".join((DOCUMENTS / name).read_text() for name in ("image.py", "layer.py", "tarball.py"))
    raised = set(re.findall(r'"(image-[a-z-]+)"', readers))
    here = Path(__file__).read_text()

    assert raised == set(IMAGE_CODES)
    assert [code for code in IMAGE_CODES if code not in here] == []


def test_decompression_bomb_is_refused_after_its_first_block() -> None:
    """A gigabyte of zeros in a megabyte: compressed archives are refused as such, so none is ever unpacked."""
    bomb = io.BytesIO(gzip.compress(bytes(1 << 26)) * 16)

    with pytest.raises(Refused, match="image-compressed"):
        read_identity(bomb, LIMITS)
    assert bomb.tell() <= tarfile.BLOCKSIZE
