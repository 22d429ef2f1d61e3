"""What is read from an image: bounded, hostile text cut, hidden files gone; who sees it; the bill of materials."""

import hashlib
import io
import json
from typing import Any

import pytest
from factory import AUTHOR, OFFICE, RESEARCHER, World
from image_archives import Archive, directory, entry, layer, symlink
from review_visits import asked_review, shown, sign_everybody_in, visit

from protocol.documents.image import ImageLimits, read_image
from protocol.errors import Refused
from registry.actions import contents, tend
from registry.domain import contents as domain
from registry.domain.contents import Contents, Reader
from registry.domain.difference import package_changes

DEBIAN = entry("etc/os-release", b'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
STATUS = b"""Package: libc6
Status: install ok installed
Version: 2.36-9+deb12u8
Description: x
 Package: not-a-field

Package: gone
Status: deinstall ok config-files
Version: 1.0

Package: zlib1g
Status: install ok installed
Version: 1:1.2.13.dfsg-1
"""
NUMPY = "usr/lib/python3/dist-packages/numpy-1.26.4.dist-info/METADATA"


def dpkg(content: bytes) -> bytes:
    return entry("var/lib/dpkg/status", content)


def metadata(name: str, version: str, path: str = NUMPY) -> bytes:
    return entry(path, f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: body\n".encode())


def read(*layers: bytes, **settings: Any) -> Contents:
    raw, reader = Archive(layers=list(layers), settings=settings).write(), Reader()
    found = read_image(io.BytesIO(raw), ImageLimits(), reader.look)
    identity = found.identity
    return reader.contents(identity.archive_digest, found.untrusted_config, identity.config_digest, identity.layers)


def listed(found: Contents) -> list[tuple[str, str, str]]:
    return [(each.kind, each.name, each.version) for each in found.packages]


def test_user_base_layers_and_packages_are_read() -> None:
    found = read(
        layer(DEBIAN, dpkg(STATUS)),
        layer(metadata("numpy", "1.26.4")),
        User="65534:65534",
    )

    assert listed(found) == [
        ("deb", "libc6", "2.36-9+deb12u8"), ("deb", "zlib1g", "1:1.2.13.dfsg-1"), ("python", "numpy", "1.26.4"),
    ]  # fmt: skip
    assert (found.base, found.distribution) == ("Debian GNU/Linux 12 (bookworm)", "debian")
    assert (found.user, found.platform) == ("65534:65534", "linux on amd64")
    assert [each.entries for each in found.layers] == [2, 1]
    assert found.layers[0].bytes == len(STATUS) + 55
    assert found.notes == ()


def test_an_image_that_says_nothing_says_nothing() -> None:
    found = read(layer(entry("run", b"program")))

    assert (found.base, found.packages) == ("none", ())
    assert found.user == "none is set, which means root"


@pytest.mark.parametrize(
    "hiding",
    [
        entry(".wh.usr"),
        entry("usr/lib/python3/dist-packages/.wh.numpy-1.26.4.dist-info"),
        entry("usr/lib/python3/dist-packages/numpy-1.26.4.dist-info/.wh.METADATA"),
        entry("usr/lib/python3/dist-packages/.wh..wh..opq"),
        entry(".wh..wh..opq"),
        entry("usr/lib/python3", b"a file in place of the folder"),
        symlink("usr/lib/python3", "python4"),
    ],
    ids=["folder", "package", "file", "opaque", "opaque root", "file over folder", "link over folder"],
)
def test_what_a_later_layer_hides_is_gone(hiding: bytes) -> None:
    assert listed(read(layer(metadata("numpy", "1.26.4")), layer(hiding))) == []


def test_an_opaque_folder_hides_only_what_lies_below_its_layer() -> None:
    upper = layer(metadata("numpy", "2.0.0"), entry("usr/lib/python3/dist-packages/.wh..wh..opq"))
    assert listed(read(layer(metadata("old", "1")), upper)) == [("python", "numpy", "2.0.0")]


def test_the_last_list_of_packages_counts() -> None:
    newer = STATUS.replace(b"2.36-9+deb12u8", b"2.36-9+deb12u9")
    assert ("deb", "libc6", "2.36-9+deb12u9") in listed(read(layer(dpkg(STATUS)), layer(dpkg(newer))))
    assert len(listed(read(layer(dpkg(STATUS)), layer(dpkg(newer))))) == 2


def test_hostile_names_are_left_out_and_counted() -> None:
    hostile = b"".join(
        b"Package: %s\nVersion: %s\n\n" % pair
        for pair in [
            (b"<script>", b"1"),
            (b"a\xff", b"1"),
            (b"ok", b"1<b>"),
            (b"fine", b"1.0"),
            (b"", b""),
            (b"x" * 999, b"1"),
        ]
    )
    found = read(layer(dpkg(hostile), metadata("../../x", "1")))

    assert listed(found) == [("deb", "fine", "1.0")]
    assert found.notes == ("6 packages have a name or version that no package can have; they are left out.",)


def test_hostile_words_of_the_configuration_are_cut_to_a_visible_line() -> None:
    release = entry("etc/os-release", "PRETTY_NAME=\u202ereversed\x00\n".encode())
    found = read(layer(release), User="a\nb\u200b" + "x" * 5000)

    assert found.base == "\ufffdreversed\ufffd"
    assert found.user.startswith("a\ufffdb\ufffdxxx")
    assert len(found.user) == 200


def test_lists_beyond_the_bounds_are_said_to_be_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "FILE_BYTES", 100)
    found = read(layer(dpkg(STATUS), metadata("numpy", "1.26.4")))
    assert listed(found) == [("python", "numpy", "1.26.4")]
    assert found.notes == ("1 lists of packages were too large to read, such as var/lib/dpkg/status.",)

    monkeypatch.setattr(domain, "FILE_BYTES", 10_000)
    monkeypatch.setattr(domain, "READ_BYTES", len(STATUS))
    assert len(listed(read(layer(dpkg(STATUS), metadata("numpy", "1.26.4"))))) == 2


def test_more_packages_than_anybody_reads_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "PACKAGES_MOST", 10)
    many = b"".join(b"Package: p%d\nVersion: 1\n\n" % number for number in range(5000))

    found = read(layer(dpkg(many)))

    assert len(found.packages) == 10
    assert "more than 10 packages" in found.notes[0]


def test_a_looker_takes_all_bytes_of_an_entry_or_none() -> None:
    raw = Archive(layers=[layer(dpkg(STATUS))]).write()
    with pytest.raises(RuntimeError, match="in part"):
        read_image(io.BytesIO(raw), ImageLimits(), lambda _layer, _name, _entry, source: source.take(1) and None)
    with pytest.raises(Refused):
        read_image(io.BytesIO(raw[:-2000]), ImageLimits(), Reader().look)


def with_image(hub: Any, raw: bytes, **algorithm: Any) -> str:
    """A version under review with this archive, which the registry has looked into."""
    archive = hashlib.sha256(raw).hexdigest()
    try:
        identity = read_image(io.BytesIO(raw), ImageLimits()).identity
    except Refused:
        identity = World().image.model_copy(update={"archive_digest": archive})
    path = hub.desk.blobs.path(archive)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    digest = asked_review(hub, image=identity.model_dump(), **algorithm)
    tend.tend(hub.desk, hub.now)
    return digest


def test_the_page_shows_an_image_to_whom_it_concerns(settled: Any) -> None:
    raw = Archive(layers=[layer(DEBIAN, dpkg(STATUS))], settings={"User": "<script>alert(1)</script>"}).write()
    here = f"/reviews/{with_image(settled, raw)}"

    for who in (AUTHOR, "meri"):
        page = visit(settled, who, here).text
        assert "Debian GNU/Linux 12 (bookworm)" in page
        assert "2.36-9+deb12u8" in page
        assert "<script>alert" not in page
        assert "holds another image" not in page
    for who in (RESEARCHER, OFFICE):
        assert "2.36-9+deb12u8" not in shown(settled, who, here)
        assert visit(settled, who, f"{here}/sbom").status_code == 404


def test_the_bill_of_materials_is_cyclonedx(settled: Any) -> None:
    raw = Archive(layers=[layer(DEBIAN, dpkg(STATUS), metadata("Foo_Bar", "1.0+local"))]).write()
    algorithm = with_image(settled, raw)

    answer = visit(settled, "meri", f"/reviews/{algorithm}/sbom")

    assert answer.headers["content-type"].startswith("application/vnd.cyclonedx+json")
    assert answer.headers["content-disposition"] == f'attachment; filename="{algorithm[:16]}.cdx.json"'
    found = json.loads(answer.text)
    assert (found["bomFormat"], found["specVersion"], found["version"]) == ("CycloneDX", "1.6", 1)
    assert found["metadata"]["component"]["hashes"][0]["content"] == hashlib.sha256(raw).hexdigest()
    assert [each["purl"] for each in found["components"]] == [
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u8", "pkg:deb/debian/zlib1g@1%3A1.2.13.dfsg-1",
        "pkg:pypi/foo-bar@1.0%2Blocal",
    ]  # fmt: skip
    assert len({each["bom-ref"] for each in found["components"]}) == 3


def test_an_archive_that_nodes_refuse_is_told_with_the_reason(settled: Any) -> None:
    setuid = Archive(layers=[layer(directory("bin"), entry("bin/su", b"x", mode=0o4755))]).write()
    algorithm = with_image(settled, setuid)

    page = shown(settled, "meri", f"/reviews/{algorithm}")
    assert "Nodes would not load this image" in page
    assert "image-setuid" in page
    assert visit(settled, "meri", f"/reviews/{algorithm}/sbom").status_code == 404


def test_another_image_than_the_signed_one_is_told(settled: Any) -> None:
    raw = Archive(layers=[layer(dpkg(STATUS))]).write()
    other = World().image.model_copy(update={"archive_digest": hashlib.sha256(raw).hexdigest()})
    path = settled.desk.blobs.path(other.archive_digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    algorithm = asked_review(settled, image=other.model_dump())
    assert "has not looked into the image yet" in shown(settled, "meri", f"/reviews/{algorithm}")

    assert contents.read_new(settled.desk) == 1

    assert "holds another image than the one that the author signed" in shown(settled, "meri", f"/reviews/{algorithm}")
    assert contents.read_new(settled.desk) == 0


def test_a_fault_of_ours_is_told_and_stops_nothing(settled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(contents, "read_image", broken)
    raw = Archive(layers=[layer(dpkg(STATUS))]).write()
    with_image(settled, raw)

    found = contents.find(settled.desk, hashlib.sha256(raw).hexdigest())
    assert found is not None
    assert "failed to read it" in found.refused


def test_what_was_found_in_another_form_is_looked_for_anew(settled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with_image(settled, Archive(layers=[layer(dpkg(STATUS))]).write())
    assert contents.read_new(settled.desk) == 0

    monkeypatch.setattr(contents, "FORM", "contents-2")

    assert contents.read_new(settled.desk) == 1


def test_packages_that_differ_between_versions_are_told(settled: Any) -> None:
    sign_everybody_in(settled)
    newer = STATUS.replace(b"2.36-9+deb12u8", b"2.37-1").replace(b"zlib1g", b"zlib2g")
    first = with_image(settled, Archive(layers=[layer(dpkg(STATUS))]).write(), signed_in=True)
    shown(settled, "meri", f"/reviews/{first}")
    second = with_image(settled, Archive(layers=[layer(dpkg(newer))]).write(), signed_in=True, version="1.1.0")

    page = shown(settled, "meri", f"/reviews/{second}")

    assert "Packages that differ: 3." in page
    before, after = read(layer(dpkg(STATUS))), read(layer(dpkg(newer)))
    assert [(each.what, each.before, each.after) for each in package_changes(before, after)] == [
        ("libc6 (deb)", "2.36-9+deb12u8", "2.37-1"), ("zlib1g (deb)", "1:1.2.13.dfsg-1", "none"),
        ("zlib2g (deb)", "none", "1:1.2.13.dfsg-1"),
    ]  # fmt: skip
