"""Large bytes on disk, found by what they are: image archives and encrypted releases.

1. A blob is written beside its place, synced, renamed, and the directory synced: it is there whole or not at all.
2. Its name is its SHA-256, checked over the bytes that were written, never taken from the uploader.
3. Beginnings of uploads live apart, one per person and digest, so that nobody can spoil or see another's.
4. A beginning has one writer at a time (an advisory lock, which the kernel drops with the process).

Paths are made of digests and hashes only; no word of a user becomes a file name.
"""

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from registry.errors import Conflict, StorageFull, Unbelievable

_READ_BYTES: Final = 1024 * 1024
_SHA256_HEX: Final = 64
_REMEMBERED: Final = 64


class Blobs:
    """The blob folder of one registry."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which is made on first use with access for its owner only."""
        self._blobs = folder / "blobs"
        self._partial = folder / "partial"
        for each in (self._blobs, self._partial):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._hashes: dict[Path, tuple[int, hashlib._Hash]] = {}

    def sweep(self, older_than: float) -> None:
        """Remove what was left half-written before the POSIX time `older_than`."""
        for path in self._partial.iterdir():
            if path.stat().st_mtime < older_than:
                path.unlink()

    def path(self, digest: str) -> Path:
        """Return where the blob is or would be."""
        if len(digest) != _SHA256_HEX or not set(digest) <= set("0123456789abcdef"):
            raise ValueError("not a SHA-256 in hex")
        return self._blobs / digest[:2] / digest

    def has(self, digest: str) -> bool:
        """Say whether the whole blob is here."""
        return self.path(digest).is_file()

    def put(self, content: bytes) -> str:
        """Keep a small blob and return its digest."""
        digest = hashlib.sha256(content).hexdigest()
        if not self.has(digest):
            partial = self._partial / f"{digest}.{os.getpid()}.put"
            with _translated():
                with partial.open("wb") as stream:
                    stream.write(content)
                    _sync(stream)
                self.settle(partial, digest)
        return digest

    def get(self, digest: str) -> bytes | None:
        """Return a small blob whole, or None."""
        path = self.path(digest)
        return path.read_bytes() if path.is_file() else None

    def describe(self, digest: str, form: str, content: bytes) -> None:
        """Keep what was found in a blob beside it, as a document of a form that has a name."""
        target = self.path(digest).with_suffix(f".{form}")
        partial = self._partial / f"{digest}.{os.getpid()}.{form}"
        with _translated():
            with partial.open("wb") as stream:
                stream.write(content)
                _sync(stream)
            partial.replace(target)
            _sync_folder(target.parent)

    def is_described(self, digest: str, form: str) -> bool:
        """Say whether something of this form was found in a blob."""
        return self.path(digest).with_suffix(f".{form}").is_file()

    def description(self, digest: str, form: str) -> bytes | None:
        """Return what was found in a blob, or None."""
        path = self.path(digest).with_suffix(f".{form}")
        return path.read_bytes() if path.is_file() else None

    def received(self, digest: str, person: str) -> int:
        """Return how many bytes of this person's upload are on disk."""
        path = self._beginning(digest, person)
        return path.stat().st_size if path.exists() else 0

    def unfinished(self, person: str) -> int:
        """Count this person's beginnings."""
        return sum(1 for _ in self._partial.glob(f"{_tag(person)}.*.part"))

    def discard(self, digest: str, person: str) -> bool:
        """Forget a beginning; says whether there was one."""
        path = self._beginning(digest, person)
        if not path.exists():
            return False
        with _locked(path):
            path.unlink()
        return True

    @contextmanager
    def writing(self, digest: str, person: str) -> Iterator["Beginning"]:
        """Open this person's upload for appending; Conflict while another request writes it."""
        path = self._beginning(digest, person)
        with _translated(), _locked(path) as stream:
            try:
                yield Beginning(self, path, stream, digest)
            finally:
                if os.fstat(stream.fileno()).st_size == 0:
                    path.unlink(missing_ok=True)

    def _beginning(self, digest: str, person: str) -> Path:
        return self._partial / f"{_tag(person)}.{self.path(digest).name}.part"

    def recall(self, path: Path, length: int) -> "hashlib._Hash | None":
        """Take out the running hash of a beginning, if it still fits the bytes on disk."""
        known = self._hashes.pop(path, None)
        return known[1] if known and known[0] == length else None

    def remember(self, path: Path, length: int, running: "hashlib._Hash") -> None:
        """Keep the running hash of a beginning for its next part; the oldest gives way."""
        while len(self._hashes) >= _REMEMBERED:
            self._hashes.pop(next(iter(self._hashes)), None)
        self._hashes[path] = (length, running)

    def settle(self, partial: Path, digest: str) -> None:
        """Move a synced file to its place for ever."""
        target = self.path(digest)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        partial.replace(target)
        _sync_folder(target.parent)
        _sync_folder(self._blobs)


class Beginning:
    """An upload being received: append, then settle."""

    def __init__(self, blobs: Blobs, path: Path, stream: BinaryIO, digest: str) -> None:
        """Made by `Blobs.writing` only."""
        self._blobs = blobs
        self._path = path
        self._stream = stream
        self._digest = digest
        self._hash = hashlib.sha256()
        self.length = os.fstat(stream.fileno()).st_size

    def resume(self) -> None:
        """Stand at the end with the running hash of all before it; read again what is on disk if it is not known.

        After a restart, or when bytes were lost on the way to the disk, the remembered hash is missing or stale.
        """
        remembered = self._blobs.recall(self._path, self.length)
        if remembered is None:
            self._rehash()
        else:
            self._hash = remembered
            self._stream.seek(0, os.SEEK_END)

    def restart(self) -> None:
        """Drop what was received and begin at byte 0."""
        self._stream.truncate(0)
        self._stream.seek(0)
        self._hash, self.length = hashlib.sha256(), 0

    def _rehash(self) -> None:
        self._stream.seek(0)
        self._hash = hashlib.sha256()
        while chunk := self._stream.read(_READ_BYTES):
            self._hash.update(chunk)
        self._stream.seek(0, os.SEEK_END)

    def append(self, chunk: bytes) -> None:
        """Hash and write the next bytes."""
        self._hash.update(chunk)
        self._stream.write(chunk)
        self.length += len(chunk)

    def pause(self) -> None:
        """Leave the bytes for the next request."""
        with _translated():
            _sync(self._stream)
        self._blobs.remember(self._path, self.length, self._hash)

    def settle(self) -> None:
        """Make the upload a blob, or remove it and raise Unbelievable if it is not what it was said to be."""
        if self._hash.hexdigest() != self._digest:
            self._path.unlink()
            raise Unbelievable(
                "image-digest", "The bytes do not have the digest they were announced with. Upload them again."
            )
        with _translated():
            _sync(self._stream)
            self._blobs.settle(self._path, self._digest)

    def abandon(self) -> None:
        """Remove the upload: it can never become valid."""
        self._path.unlink(missing_ok=True)


def _tag(person: str) -> str:
    return hashlib.sha256(person.encode()).hexdigest()[:32]


def _sync(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=_READ_BYTES) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _busy() from error
        if not path.exists() or path.stat().st_ino != os.fstat(descriptor).st_ino:
            raise _busy()  # its last writer settled or removed it between our open and our lock
        yield stream


def _busy() -> Conflict:
    return Conflict("upload-busy", "Another request is writing this upload. Wait for it to end.")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("storage-full", "The registry's disk is full. Its operator must make room.") from error
        raise
