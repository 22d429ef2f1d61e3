"""Step 4's other half: fetch the image that the algorithm's signature names, and have the engine load exactly that.

Archives are kept by digest, so that an approved image travels to a node once. A download that broke off goes on where
it ended; nothing gets the digest's name before its digest was checked. One worker downloads, the others wait.
"""

import datetime as dt
import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocol.documents.algorithm import ImageIdentity
from sandbox.actions.node import Node
from sandbox.domain.chamber import Profile
from sandbox.errors import Refused

ARCHIVE_BYTES = 2 << 30
OVERHEAD_BYTES = 64 << 20  # what an archive may have beside its layers


def fetch_image(node: Node, identity: ImageIdentity, until: dt.datetime) -> str | None:
    """Return the engine's ID of the loaded image, ready to be run; None when another tick must go on.

    Refuses `image-missing` and `image-mismatch`.
    """
    image_id = node.runtime.find_image(identity) or _load(node, identity, until)
    if image_id is not None:
        node.runtime.prepare_image(image_id, Profile(node.trust.policy.profile))
    return image_id


def _load(node: Node, identity: ImageIdentity, until: dt.datetime) -> str | None:
    archive = node.places.images / f"{identity.archive_digest}.tar"
    if not archive.exists():
        with _only_one(archive) as mine:
            if not mine or not (archive.exists() or _download(node, identity, archive, until)):
                return None
    return node.runtime.load_image(archive, identity)


@contextmanager
def _only_one(archive: Path) -> Iterator[bool]:
    with archive.with_name(f"{archive.name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _download(node: Node, identity: ImageIdentity, archive: Path, until: dt.datetime) -> bool:
    """Download until the archive is whole and in its place, or until time is up."""
    partial = archive.with_name(f"{archive.name}.partial")
    most = min(ARCHIVE_BYTES, identity.uncompressed_bytes + OVERHEAD_BYTES)
    with partial.open("ab") as stream:
        resumed = stream.tell() > 0
        for chunk in node.registry.image_chunks(identity.archive_digest, stream.tell()):
            stream.write(chunk)
            if stream.tell() > most:
                partial.unlink()
                raise Refused("image-mismatch", "The image archive is larger than the signed image can be.")
            if node.clock.now() >= until:
                return False
    if _digest(partial) == identity.archive_digest:
        partial.replace(archive)
        return True
    partial.unlink()
    if resumed:  # the part from before may be at fault: once more from the beginning
        return False
    raise Refused("image-mismatch", "The registry's archive is not the image that was signed.")


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
