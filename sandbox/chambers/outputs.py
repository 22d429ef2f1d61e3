"""Where outcomes of chambers are kept between two ticks: a directory on tmpfs that only trusted code can enter.

``<j>.bytes`` holds what chamber j wrote, ``<j>.absent`` says that it yielded nothing, ``work/`` holds what chambers
that are running now can see. A chamber never sees this directory: of it, only single files are bound into the chamber.
"""

import os
import stat
from pathlib import Path

from sandbox.errors import InfrastructureLost

_MOUNTS = Path("/proc/self/mountinfo")


class Outcomes:
    """The outcomes of one job's chambers; opening them refuses a directory that is not on tmpfs."""

    def __init__(self, directory: Path) -> None:
        _make_private(directory)
        check_on_tmpfs(directory)
        self._directory = directory

    @property
    def work(self) -> Path:
        """Where the files of running chambers lie."""
        work = self._directory / "work"
        work.mkdir(mode=0o700, exist_ok=True)
        return work

    def has(self, chamber: int) -> bool:
        """Whether this chamber has its outcome."""
        return self._absent(chamber).exists() or self._bytes(chamber).exists()

    def first_open(self, first: int, chambers: int) -> int:
        """The lowest chamber from `first` on that has no outcome, or `chambers`."""
        return next((chamber for chamber in range(first, chambers) if not self.has(chamber)), chambers)

    def write(self, chamber: int, untrusted_output: bytes | None) -> None:
        """Record a chamber's outcome, whole or not at all; an outcome is never replaced."""
        if self.has(chamber):
            return
        draft = self._directory / f"{chamber}.draft"
        draft.write_bytes(untrusted_output or b"")
        draft.rename(self._absent(chamber) if untrusted_output is None else self._bytes(chamber))

    def adopt(self, path: Path) -> None:
        """Take over an outcome that a supervisor wrote on the same tmpfs, named as here; drafts are left alone."""
        chamber, _, kind = path.name.partition(".")
        if kind not in ("bytes", "absent"):
            return
        if self.has(int(chamber)):
            path.unlink()
        else:
            path.rename(self._bytes(int(chamber)) if kind == "bytes" else self._absent(int(chamber)))

    def collect(self, chambers: int) -> list[bytes | None]:
        """Every chamber's untrusted bytes or None, in order; `RuntimeError` if one has no outcome yet."""
        return [self._read(chamber) for chamber in range(chambers)]

    def _read(self, chamber: int) -> bytes | None:
        if self._absent(chamber).exists():
            return None
        try:
            return self._bytes(chamber).read_bytes()
        except FileNotFoundError:
            msg = f"chamber {chamber} has no outcome yet"
            raise RuntimeError(msg) from None

    def _bytes(self, chamber: int) -> Path:
        return self._directory / f"{chamber}.bytes"

    def _absent(self, chamber: int) -> Path:
        return self._directory / f"{chamber}.absent"


def check_on_tmpfs(directory: Path) -> None:
    """Refuse a directory on any other file system: outputs of chambers never reach a disk (DESIGN 4, 6)."""
    device = directory.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in _MOUNTS.read_text().splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted and after.split()[0] == "tmpfs":
            return
    raise InfrastructureLost(
        "outputs-not-on-tmpfs", f"{directory} is not on tmpfs; give the node a run directory under /dev/shm."
    )


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.stat(follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise InfrastructureLost("outputs-not-private", f"{directory} must be a directory of the node's own user.")
    directory.chmod(0o700)
