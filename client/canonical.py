"""Rewriting what an engine saved into the one canonical archive (`protocol.documents.image` says what that is).

An engine's own archives differ from build to build: times, the order of entries, caches, the configuration. Here
each layer is rewritten by itself, as a function of its files' names, kinds and contents alone. A base that is
canonical already keeps its layers bit for bit, so algorithms on one base share them.

What is lost on the way, on purpose: owners, times, permissions beyond "may run", setuid bits, extended attributes,
device nodes, caches and logs, and everything that the configuration says about running (ENV, USER, ENTRYPOINT …): a
chamber uses none of it.
"""

import hashlib
import io
import json
import posixpath
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

from client.errors import ClientError
from protocol.documents.image import OCI_CONFIG_TYPE, OCI_LAYER_TYPE, OCI_LAYOUT, OCI_MANIFEST_TYPE

_MOMENT = 315_532_800  # 1980-01-01, the first moment that a ZIP file can hold
_CREATED = "1980-01-01T00:00:00Z"
_BLOBS = "blobs/sha256/"
_REFUSED_SETTINGS = ("Volumes", "Healthcheck", "OnBuild")  # kept, so that the reader can say why it refuses them
# Places that only caches, logs and the engine itself write to; their content changes from build to build.
_DROPPED = (
    "dev/",
    "proc/",
    "sys/",
    "run/",
    "tmp/",
    "var/log/",
    "var/tmp/",
    "var/cache/",
    "var/lib/apt/lists/",
    "root/.cache/",
)
_DROPPED_FILES = frozenset(
    {
        ".dockerenv",
        "etc/machine-id",
        "etc/hostname",
        "etc/hosts",
        "etc/resolv.conf",
        "etc/shadow",
        "etc/shadow-",
        "etc/gshadow",
        "etc/gshadow-",
    }
)


def write_canonical(saved: Path, out: Path) -> None:
    """Write the canonical archive of the one image in the docker-archive `saved` to `out`."""
    with tarfile.open(saved, "r:") as outer, out.open("wb") as stream:
        image = _only_image(outer)
        config = json.loads(_member(outer, image["Config"]).read())
        layers = _Layers(out.with_suffix(".layers"))
        try:
            for name in image["Layers"]:
                layers.add(_member(outer, name))
            _write_archive(stream, config, layers)
        finally:
            layers.forget()


class _Layers:
    """The rewritten layers, in one temporary file one after another."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = path.open("w+b")
        self.digests: list[str] = []
        self.sizes: list[int] = []

    def add(self, layer: IO[bytes]) -> None:
        """Rewrite one layer; an empty one leaves nothing behind."""
        start = self._stream.tell()
        digested = _Digested(self._stream)
        with tarfile.open(fileobj=layer, mode="r:") as source:
            if not _rewrite(source, digested):
                return
        self.digests.append(digested.digest)
        self.sizes.append(self._stream.tell() - start)

    def read(self) -> Iterator[tuple[str, int, BinaryIO]]:
        """Digest, size and stream of each layer, to be read in order."""
        self._stream.seek(0)
        for digest, size in zip(self.digests, self.sizes, strict=True):
            yield digest, size, self._stream

    def forget(self) -> None:
        """Remove the temporary file."""
        self._stream.close()
        self._path.unlink()


class _Digested(io.RawIOBase):
    """Passes writes on and digests them."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()

    def write(self, data: Any) -> int:
        self._sha256.update(data)
        return self._stream.write(data)


def _only_image(outer: tarfile.TarFile) -> dict[str, Any]:
    images: list[dict[str, Any]] = json.loads(_member(outer, "manifest.json").read())
    if len(images) != 1:
        raise ClientError("image-several", "The engine saved more than one image; name exactly one.")
    return images[0]


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    stream = tar.extractfile(name)
    if stream is None:
        raise ClientError("image-malformed", f"What the engine saved lacks its {name}; try again.")
    return stream


def _rewrite(source: tarfile.TarFile, out: _Digested) -> int:
    """Write the layer's entries in order of their names; return how many there are."""
    members = {name: member for member in source if (name := _plain(member.name))}
    kept = {name: members[_plain(member.linkname)] if member.islnk() else member for name, member in members.items()}
    kept = {name: member for name, member in kept.items() if _is_kept(source, name, member)}
    first: dict[str, str] = {}
    for name in sorted(kept):
        first_name = first.setdefault(kept[name].name, name)
        entry = _entry(name, kept[name], first_name)
        out.write(entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))
        if entry.isreg():
            _copy(source, kept[name], out)
    if kept:
        out.write(bytes(2 * tarfile.BLOCKSIZE))
    return len(kept)


def _plain(name: str) -> str:
    plain = name.removeprefix("./").strip("/")
    return "" if plain == "." else plain


def _is_kept(source: tarfile.TarFile, name: str, member: tarfile.TarInfo) -> bool:
    kind_is_kept = member.isreg() or member.isdir() or member.issym()
    is_dropped = name in _DROPPED_FILES or name.startswith(_DROPPED)
    return kind_is_kept and not is_dropped and not _is_dated_bytecode(source, member)


def _is_dated_bytecode(source: tarfile.TarFile, member: tarfile.TarInfo) -> bool:
    """Whether this is Python bytecode that names its source's time: it would differ, and no longer be believed."""
    if not (member.isreg() and member.name.endswith(".pyc")):
        return False
    header = _content(source, member).read(8)
    return len(header) == 8 and not int.from_bytes(header[4:], "little") & 1  # PEP 552: bit 0 is "checked by hash"


def _entry(name: str, member: tarfile.TarInfo, first_name: str) -> tarfile.TarInfo:
    """The header to write: of all names of one content, the first holds it and the others are hard links to that."""
    entry = tarfile.TarInfo(name)
    entry.mtime, entry.type, entry.mode = _MOMENT, member.type, 0o755
    if member.issym():
        entry.linkname = _relative(name, member.linkname)
    elif member.isreg():
        entry.type = tarfile.REGTYPE if first_name == name else tarfile.LNKTYPE
        entry.linkname = "" if first_name == name else first_name
        entry.size = member.size if first_name == name else 0
        entry.mode = 0o755 if member.mode & 0o111 else 0o644
    elif name == "tmp":
        entry.mode = 0o1777  # some OCI runtimes give the tmpfs that they mount there the mode of what lies beneath
    return entry


def _relative(name: str, target: str) -> str:
    """The link's target seen from the link, so that it never leads to a root that is not the image's."""
    return posixpath.relpath(target, "/" + posixpath.dirname(name)) if target.startswith("/") else target


def _copy(source: tarfile.TarFile, member: tarfile.TarInfo, out: _Digested) -> None:
    content = _content(source, member)
    while piece := content.read(1 << 20):
        out.write(piece)
    out.write(bytes(-member.size % tarfile.BLOCKSIZE))


def _content(source: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = source.extractfile(member)
    if content is None:
        raise ClientError("image-malformed", f"What the engine saved lacks the content of {member.name}; try again.")
    return content


def _write_archive(out: BinaryIO, saved_config: dict[str, Any], layers: _Layers) -> None:
    config = _config(saved_config, layers.digests)
    manifest = _manifest(config, layers)
    _write_document(out, "manifest.json", _table_of_contents(config, layers.digests))
    _write_document(out, _blob(config), config)
    _write_document(out, "oci-layout", OCI_LAYOUT)
    _write_document(
        out, "index.json", _json({"schemaVersion": 2, "manifests": [_described(OCI_MANIFEST_TYPE, manifest)]})
    )
    _write_document(out, _blob(manifest), manifest)
    for digest, size, stream in layers.read():
        out.write(_header(_BLOBS + digest, size))
        _pour(stream, out, size)
    out.write(bytes(2 * tarfile.BLOCKSIZE))


def _config(saved: dict[str, Any], layers: list[str]) -> bytes:
    root = {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in layers]}
    kept = {key: saved["config"][key] for key in _REFUSED_SETTINGS if saved.get("config", {}).get(key)}
    platform = {"architecture": saved["architecture"], "os": saved["os"]}
    return _json({**platform, "config": kept, "created": _CREATED, "rootfs": root})


def _table_of_contents(config: bytes, layers: list[str]) -> bytes:
    names = [_BLOBS + digest for digest in layers]
    return _json([{"Config": _blob(config), "RepoTags": None, "Layers": names}])


def _manifest(config: bytes, layers: _Layers) -> bytes:
    sized = zip(layers.digests, layers.sizes, strict=True)
    described = [{"mediaType": OCI_LAYER_TYPE, "digest": f"sha256:{digest}", "size": size} for digest, size in sized]
    head = {"schemaVersion": 2, "mediaType": OCI_MANIFEST_TYPE}
    return _json({**head, "config": _described(OCI_CONFIG_TYPE, config), "layers": described})


def _described(media_type: str, document: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{_sha256(document)}", "size": len(document)}


def _write_document(out: BinaryIO, name: str, document: bytes) -> None:
    out.write(_header(name, len(document)) + document + bytes(-len(document) % tarfile.BLOCKSIZE))


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, _MOMENT, 0o644
    return entry.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")


def _pour(source: BinaryIO, out: BinaryIO, size: int) -> None:
    while size:
        piece = source.read(min(size, 1 << 20))
        out.write(piece)
        size -= len(piece)


def _blob(document: bytes) -> str:
    return _BLOBS + _sha256(document)


def _sha256(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
