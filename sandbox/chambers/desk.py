"""What lies before one chamber: its launcher, its input and its empty result file, on tmpfs.

The result file is made and opened here before the chamber runs, bound into it alone, and read through that descriptor
after its death. The chamber cannot remove or replace it; nothing is ever opened by a name that it chose.
"""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from sandbox.chambers.launcher import launcher
from sandbox.domain.chamber import ChamberPlan
from sandbox.errors import InfrastructureLost

_NEW = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Desk:
    """One chamber's files. Each chamber has its own copies: a shared file's times would tell who has read it."""

    def __init__(self, work: Path, plan: ChamberPlan, chamber: int) -> None:
        self._directory = work / f"{plan.fence}-{chamber}"
        self.launcher = _launcher_path(self._directory)
        self.input = self._directory / "input.json"
        self.result = self._directory / "result.json"
        self._limit = plan.output_bytes
        self._plan = plan
        self._descriptor = -1

    def lay(self) -> None:
        """Make the files anew, and open the result."""
        self.clear()
        self._directory.mkdir(mode=0o700)
        write_new(self.launcher, launcher(), 0o555)
        write_new(self.input, self._plan.input_json, 0o444)
        # Writable for every uid, and so for the chamber's; others cannot come through the directory above.
        self._descriptor = os.open(self.result, os.O_RDWR | _NEW, 0o600)
        os.fchmod(self._descriptor, 0o666)

    def resume(self) -> bool:
        """Open the result of a chamber that another process started; False if there is none."""
        try:
            self._descriptor = os.open(self.result, _OLD)
        except OSError:
            return False
        return True

    def read(self) -> bytes | None:
        """The untrusted bytes, or None if there are none, too many, or it is not the one plain file."""
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or not 0 < found.st_size <= self._limit:
            return None
        untrusted_output = os.pread(self._descriptor, self._limit + 1, 0)
        return untrusted_output if 0 < len(untrusted_output) <= self._limit else None

    def leave(self) -> None:
        """Close the result without touching it: the chamber goes on."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def clear(self) -> None:
        """Close and remove everything, by the names that were given here."""
        self.leave()
        for path in (self.launcher, self.input, self.result):
            path.unlink(missing_ok=True)
        if self._directory.exists():
            self._directory.rmdir()


def _launcher_path(directory: Path) -> Path:
    """Where the launcher lies: with the rest, or, if nothing can be run from there, among the host's temporary files.

    A bind keeps its source's noexec. The launcher is no secret; only what chambers write must not reach a disk.
    """
    if not _is_noexec(directory.parent):
        return directory / "launcher"
    elsewhere = Path(tempfile.gettempdir())
    if _is_noexec(elsewhere):
        raise InfrastructureLost(
            "launcher-noexec",
            f"{directory.parent} and {elsewhere} are mounted noexec: set TMPDIR to another directory.",
        )
    return elsewhere / f"safeconduct-launcher-{hashlib.sha256(bytes(directory)).hexdigest()[:32]}"


def _is_noexec(directory: Path) -> bool:
    return bool(os.statvfs(directory).f_flag & os.ST_NOEXEC)


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that must not exist yet; it has its mode before it has a reader."""
    descriptor = os.open(path, os.O_WRONLY | _NEW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        os.fchmod(stream.fileno(), mode)


def sweep(work: Path, fence: int) -> None:
    """Remove the desks of lower fences, whose chambers are gone."""
    for directory in work.iterdir():
        if int(directory.name.partition("-")[0]) < fence:
            _launcher_path(directory).unlink(missing_ok=True)
            for path in directory.iterdir():
                path.unlink()
            directory.rmdir()
