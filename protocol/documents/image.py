"""What an image archive is: one canonical file that every Docker version loads to the same ID.

The archive is a docker-archive and an OCI layout in one tar file. Its members, in exactly this order:

1. ``manifest.json``, the docker-archive's table of contents: one image, no tags;
2. the configuration, ``blobs/sha256/<its digest>``;
3. ``oci-layout``, ``index.json`` and the OCI manifest, ``blobs/sha256/<its digest>``: the same image, no names;
4. the layers, uncompressed, lowest first, ``blobs/sha256/<digest>``.

The order is fixed because a reader that sees the table of contents first can check everything else in one pass, and
because an archive that may hold a member twice means one thing to the verifier and another to the engine.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from protocol.documents.algorithm import ImageIdentity
from protocol.documents.layer import ImageLimits, ImageTree, Look, check_layer, check_name
from protocol.documents.strict import Json, parse_json
from protocol.documents.tarball import Entry, Kind, Source, check_end, read_entries
from protocol.errors import Refused

__all__ = ["ImageIdentity", "ImageLimits", "ReadImage", "read_identity", "read_image"]

OCI_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
OCI_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
OCI_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"

_BLOBS = "blobs/sha256/"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ARCHITECTURES = ("amd64", "arm64")
# What a configuration may not ask for, since the engine would do it beside the chamber's own flags.
_UNWANTED = {
    "Volumes": ("image-volume", "The image declares a VOLUME: a writable place on the host's disk; remove it."),
    "Healthcheck": (
        "image-healthcheck",
        "The image declares a HEALTHCHECK, a second program in the chamber; remove it.",
    ),
    "OnBuild": ("image-onbuild", "The image declares ONBUILD instructions; remove them."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadImage:
    """What one reading of an archive gave: its identity, and its configuration as the image's builder wrote it."""

    identity: ImageIdentity
    untrusted_config: dict[str, Json]


def read_identity(stream: BinaryIO, limits: ImageLimits) -> ImageIdentity:
    """Read a whole image archive once and return its identity; raise `Refused` at the first fault, each with its code.

    The stream is read to its end. Nothing is unpacked, and no more than one document is held in memory.
    """
    return read_image(stream, limits).identity


def read_image(stream: BinaryIO, limits: ImageLimits, look: Look | None = None) -> ReadImage:
    """Read a whole image archive as `read_identity` does, and let `look` see each entry of its layers."""
    source = Source(stream.read, limits.archive_bytes)
    members = _Members(source, limits)
    config_digest, layers = _table_of_contents(members.document("manifest.json"))
    if len(layers) > limits.layers:
        raise Refused("image-too-many-layers", f"The image has more than {limits.layers} layers; merge some.")
    config = _object(_parse(members.blob(config_digest), "the configuration"), "the configuration")
    _check_config(config, layers)
    _check_layout(members.document("oci-layout"))
    manifest_digest = _index(members.document("index.json"))
    _check_manifest(_parse(members.blob(manifest_digest), "the manifest"), config_digest, layers)
    tree = ImageTree(limits=limits, look=look)
    uncompressed = sum(members.layer(digest, tree) for digest in layers)
    members.check_end()
    if stream.read(1):
        raise Refused("image-too-large", f"The image archive is larger than {limits.archive_bytes} bytes.")
    identity = ImageIdentity(
        config_digest=config_digest,
        layers=layers,
        archive_digest=source.digest,
        uncompressed_bytes=uncompressed,
        manifest_digest=manifest_digest,
    )
    return ReadImage(identity=identity, untrusted_config=config)


class _Members:
    """The members of the archive, taken one after another by the name that must come next."""

    def __init__(self, source: Source, limits: ImageLimits) -> None:
        self._source = source
        self._limits = limits
        self._entries = read_entries(source)
        self._seen: set[str] = set()

    def document(self, name: str) -> bytes:
        """The bytes of the small member that must come next."""
        entry = self._next(name)
        if entry.size > self._limits.document_bytes:
            raise Refused("image-too-large", f"The image's {name} is larger than {self._limits.document_bytes} bytes.")
        return self._source.take(entry.size)

    def blob(self, digest: str) -> bytes:
        """The small blob that must come next, once its bytes have the digest in its name."""
        body = self.document(_path(digest))
        _check_digest(digest, f"sha256:{hashlib.sha256(body).hexdigest()}")
        return body

    def layer(self, digest: str, tree: ImageTree) -> int:
        """Check the layer that must come next, to its last byte; its size in bytes."""
        entry = self._next(_path(digest))
        layer = Source(self._source.take, entry.size)
        check_layer(layer, tree)
        check_end(layer)
        _check_digest(digest, f"sha256:{layer.digest}")
        return entry.size

    def check_end(self) -> None:
        """Refuse another member or other bytes after the last layer."""
        for surplus in self._entries:
            self._refuse(surplus.untrusted_name)
        check_end(self._source)

    def _next(self, name: str) -> Entry:
        entry = next(self._entries, None)
        if entry is None:
            raise Refused("image-missing-member", f"The image archive ends without its {name}.")
        if entry.untrusted_name != name or entry.kind is not Kind.FILE:
            self._refuse(entry.untrusted_name)
        self._seen.add(name)
        return entry

    def _refuse(self, untrusted_name: str) -> NoReturn:
        if untrusted_name in self._seen:
            raise Refused("image-duplicate-member", f"The image archive holds {untrusted_name!r} twice.")
        check_name(untrusted_name, self._limits)
        raise Refused(
            "image-unexpected-member",
            f"The image archive holds {untrusted_name!r} out of its place; build it with `algorithm build`.",
        )


def _table_of_contents(document: bytes) -> tuple[str, tuple[str, ...]]:
    """The digests of the configuration and the layers that the docker-archive's manifest names."""
    images = _parse(document, "manifest.json")
    if not isinstance(images, list) or len(images) != 1:
        raise Refused("image-several", "The archive must hold exactly one image.")
    image = _object(images[0], "manifest.json")
    if image.get("RepoTags"):
        raise Refused("image-tag", "The archive claims a tag; an image is known by its digests only.")
    names = image.get("Layers")
    if not set(image) <= {"Config", "Layers", "RepoTags"} or not isinstance(names, list) or not names:
        raise _malformed("manifest.json")
    if len(set(map(str, names))) != len(names):
        raise Refused("image-duplicate-member", "The image names one layer twice.")
    return _blob_digest(image.get("Config")), tuple(_blob_digest(name) for name in names)


def _check_config(config: dict[str, Json], layers: tuple[str, ...]) -> None:
    root = _object(config.get("rootfs"), "the configuration")
    settings = _object(config.get("config") or {}, "the configuration")
    if root.get("diff_ids") != list(layers):
        raise Refused("image-digest", "The image's configuration names other layers than the archive holds.")
    if config.get("os") != "linux" or config.get("architecture") not in _ARCHITECTURES:
        raise Refused("image-platform", f"The image must be for linux on one of {', '.join(_ARCHITECTURES)}.")
    for key, (code, sentence) in _UNWANTED.items():
        if settings.get(key):
            raise Refused(code, sentence)


def _check_layout(document: bytes) -> None:
    if document != OCI_LAYOUT:
        raise _malformed("oci-layout")


def _index(document: bytes) -> str:
    """The digest of the one manifest that the OCI index names."""
    manifests = _object(_parse(document, "index.json"), "index.json").get("manifests")
    if not isinstance(manifests, list) or len(manifests) != 1:
        raise Refused("image-several", "The archive must hold exactly one image.")
    manifest = _object(manifests[0], "index.json")
    if manifest.get("annotations"):
        raise Refused("image-tag", "The archive claims a name; an image is known by its digests only.")
    _check_media_type(manifest, OCI_MANIFEST_TYPE, "the manifest")
    return _digest(manifest.get("digest"), "index.json")


def _check_manifest(manifest: Json, config_digest: str, layers: tuple[str, ...]) -> None:
    manifest = _object(manifest, "the manifest")
    listed = manifest.get("layers")
    named = [_object(layer, "the manifest") for layer in listed] if isinstance(listed, list) else []
    described = _object(manifest.get("config"), "the manifest")
    _check_media_type(described, OCI_CONFIG_TYPE, "its configuration")
    for layer in named:
        _check_media_type(layer, OCI_LAYER_TYPE, "a layer")
    config = _digest(described.get("digest"), "the manifest")
    if (config, *(_digest(layer.get("digest"), "the manifest") for layer in named)) != (config_digest, *layers):
        raise Refused("image-digest", "The image's OCI manifest and its manifest.json describe two different images.")


def _check_media_type(described: dict[str, Json], wanted: str, what: str) -> None:
    """Another type would lead another reader to read the same bytes as something else."""
    if described.get("mediaType") != wanted:
        raise Refused("image-media-type", f"The image archive calls {what} something else than {wanted}.")


def _check_digest(named: str, actual: str) -> None:
    if named != actual:
        raise Refused("image-digest", f"The image's blob {named[:19]}… has other content than its name says.")


def _blob_digest(name: Json) -> str:
    if not isinstance(name, str) or not name.startswith(_BLOBS):
        raise _malformed("manifest.json")
    return _digest(f"sha256:{name.removeprefix(_BLOBS)}", "manifest.json")


def _digest(value: Json, where: str) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise _malformed(where)
    return value


def _path(digest: str) -> str:
    return _BLOBS + digest.removeprefix("sha256:")


def _parse(document: bytes, where: str) -> Json:
    try:
        return parse_json(document)
    except Refused:
        raise _malformed(where) from None


def _object(value: Json, where: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _malformed(where)
    return value


def _malformed(where: str) -> Refused:
    return Refused("image-document", f"The image archive's {where} is malformed; build it with `algorithm build`.")
