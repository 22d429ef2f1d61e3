"""The roots of images, held in memory for chambers of profile `strict`.

A file of an image that somebody has read is read faster than one that nobody has: by the clock, a chamber could tell
what the chambers before it read. Of a root on tmpfs every page is in memory from the beginning and stays there, as long
as the machine has no swap. The engine flattens the image and `tar` unpacks it: both were told of no name that our own
check of the archive has not passed (`protocol.documents.image`).
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

from sandbox.chambers.engine import Engine
from sandbox.chambers.outputs import check_on_tmpfs
from sandbox.errors import InfrastructureLost

SWAPS: Final = Path("/proc/swaps")
DRAFT: Final = "draft-"
UNPACK: Final = ("tar", "--extract", "--no-same-owner", "--preserve-permissions", "--directory")


class ResidentRoots:
    """Roots under one directory on tmpfs, each named by its image's digest; several processes may share it."""

    def __init__(self, engine: Engine, directory: Path, labels: Mapping[str, str]) -> None:
        self._engine = engine
        self._directory = directory
        self._labels = labels

    def root_of(self, image_id: str) -> Path:
        """Give the image's root, unpacked now if it is not there yet; a machine that swaps is refused."""
        check_no_swap(SWAPS)
        root = self._place(image_id)
        if not root.exists():
            self._directory.mkdir(mode=0o700, exist_ok=True)
            check_on_tmpfs(self._directory)
            self._unpack(image_id, root)
        return root

    def remove(self, image_id: str) -> None:
        """Forget an image's root."""
        _remove(self._place(image_id))

    def sweep(self) -> None:
        """Forget what an unpacking that was cut short left; only while nobody unpacks."""
        for draft in self._directory.glob(f"{DRAFT}*"):
            _remove(draft)

    def _unpack(self, image_id: str, root: Path) -> None:
        """Unpack beside its place, and move it there whole; whoever is first wins."""
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=self._directory))
        try:
            self._fill(image_id, draft)
            _settle(draft)
            draft.chmod(0o755)
            draft.rename(root)
        except OSError as error:
            if not root.exists():
                raise InfrastructureLost("root-not-unpacked", f"An image's root was not unpacked: {error}") from error
        finally:
            _remove(draft)

    def _fill(self, image_id: str, draft: Path) -> None:
        with tempfile.TemporaryFile() as told:
            unpacking = subprocess.Popen([*UNPACK, str(draft)], stdin=subprocess.PIPE, stderr=told)  # noqa: S603
            # If `tar` gives up, what it said is told below.
            with unpacking, suppress(BrokenPipeError), cast("BinaryIO", unpacking.stdin) as pipe:
                for chunk in self._engine.export(image_id, self._labels):
                    pipe.write(chunk)
            if unpacking.returncode != 0:
                told.seek(0)
                said = told.read(300).decode(errors="replace").strip()
                sentence = f"An image's root does not fit into memory, or is not whole: {said}"
                raise InfrastructureLost("root-not-unpacked", sentence)

    def _place(self, image_id: str) -> Path:
        return self._directory / image_id.removeprefix("sha256:")


def _settle(root: Path) -> None:
    """Read every file until the kernel has nothing more to note: a first, second and third reader are told apart.

    (mm/swap.c, `folio_mark_accessed`: inactive, referenced, active, active and referenced; by the clock, measured.)
    """
    page = bytearray(1 << 20)
    for directory, _, names in os.walk(root):
        for path in (Path(directory, name) for name in names):
            if path.is_file() and not path.is_symlink():
                for _ in range(3):
                    with path.open("rb", buffering=0) as stream:
                        while stream.readinto(page):
                            pass


def _remove(root: Path) -> None:
    """Remove an unpacked root, whose directories may forbid it to their owner."""
    if root.exists():
        for directory, _, _ in os.walk(root):
            Path(directory).chmod(0o700)
        shutil.rmtree(root)


def check_no_swap(swaps: Path) -> None:
    """Refuse a machine that may move pages of memory to a disk, or does not say whether it does."""
    try:
        areas = swaps.read_text().splitlines()[1:]
    except OSError as error:
        raise InfrastructureLost("profile-swap", f"{swaps} cannot be read, so strict is not offered.") from error
    if areas:
        raise InfrastructureLost("profile-swap", "This machine swaps, so nothing surely stays in memory: swapoff -a.")
