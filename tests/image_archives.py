"""Small image archives for tests: canonical ones, and ones with a single chosen fault."""

import hashlib
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from protocol.documents.image import OCI_CONFIG_TYPE, OCI_LAYER_TYPE, OCI_LAYOUT, OCI_MANIFEST_TYPE

END = bytes(1024)
BLOBS = "blobs/sha256/"


def entry(name: str, content: bytes = b"", **fields: Any) -> bytes:
    """One entry of a tar archive; `fields` are those of `tarfile.TarInfo`."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape") + padded(content)


def directory(name: str) -> bytes:
    return entry(name, type=tarfile.DIRTYPE, mode=0o755)


def symlink(name: str, target: str) -> bytes:
    return entry(name, type=tarfile.SYMTYPE, linkname=target)


def hardlink(name: str, target: str) -> bytes:
    return entry(name, type=tarfile.LNKTYPE, linkname=target)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def patched(header: bytes, at: int, value: bytes) -> bytes:
    """A header with some bytes replaced and its checksum made right again."""
    header = header[:at] + value + header[at + len(value) :]
    total = sum(header[:512]) - sum(header[148:156]) + 8 * ord(" ")
    return header[:148] + f"{total:06o}\0 ".encode() + header[156:]


def layer(*entries: bytes) -> bytes:
    return b"".join(entries) + END


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(kw_only=True)
class Archive:
    """An archive to be written; every part may be replaced before it is."""

    layers: Sequence[bytes] = field(default_factory=lambda: [layer(directory("usr"), entry("usr/program", b"run"))])
    config: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    table: list[dict[str, Any]] | None = None
    index: dict[str, Any] | None = None
    media_type: str = OCI_LAYER_TYPE
    config_type: str = OCI_CONFIG_TYPE
    manifest_type: str = OCI_MANIFEST_TYPE
    layout: bytes = OCI_LAYOUT

    def config_bytes(self) -> bytes:
        diff_ids = [f"sha256:{sha256(content)}" for content in self.layers]
        platform = {"architecture": "amd64", "os": "linux", "config": self.settings}
        return json.dumps({**platform, "rootfs": {"type": "layers", "diff_ids": diff_ids}, **self.config}).encode()

    def manifest_bytes(self) -> bytes:
        config = {"mediaType": self.config_type, "digest": f"sha256:{sha256(self.config_bytes())}"}
        layers = [{"mediaType": self.media_type, "digest": f"sha256:{sha256(content)}"} for content in self.layers]
        return json.dumps({"schemaVersion": 2, "config": config, "layers": layers}).encode()

    def members(self) -> list[tuple[str, bytes]]:
        """Names and contents, in order."""
        config, manifest = self.config_bytes(), self.manifest_bytes()
        named = [f"{BLOBS}{sha256(content)}" for content in self.layers]
        table = [{"Config": f"{BLOBS}{sha256(config)}", "RepoTags": None, "Layers": named}]
        described = {"mediaType": self.manifest_type, "digest": f"sha256:{sha256(manifest)}", "size": len(manifest)}
        index = {"schemaVersion": 2, "manifests": [described]}
        return [
            ("manifest.json", json.dumps(table if self.table is None else self.table).encode()),
            (f"{BLOBS}{sha256(config)}", config),
            ("oci-layout", self.layout),
            ("index.json", json.dumps(index if self.index is None else self.index).encode()),
            (f"{BLOBS}{sha256(manifest)}", manifest),
            *zip(named, self.layers, strict=True),
        ]

    def write(self) -> bytes:
        return written(self.members())


def written(members: Sequence[tuple[str, bytes]]) -> bytes:
    """Members as one archive."""
    return b"".join(entry(name, content) for name, content in members) + END
