"""The ledger's head outside the database: the witness that tells a restored backup from the living ledger.

The file only ever moves forward. It is written after the commit of a charge and before any chamber sees data, so it may
be one charge behind the database, never ahead of it: a database that does not hold the head's entry was rolled back.
A missing file is no witness and stops the node as well; only the head of an empty ledger may be written anew.
"""

import fcntl
import os
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from sandbox.domain.ledger import GENESIS, HEAD_LINE_BYTES, Head, head_line, read_head_text, write_head_text
from sandbox.errors import LedgerBroken
from sandbox.store.ledger import LedgerEntryRow, head
from sandbox.store.restore import was_restored

OWNER_ONLY = 0o600
FILE_BYTES = 2 * HEAD_LINE_BYTES


def write_head(path: Path, newest: Head) -> None:
    """Move the head file forward to `newest` and see it on the disk; several processes may do so at once.

    The older of the file's two lines is overwritten, so a power cut leaves at least the line before.
    """
    if newest == GENESIS and not path.exists():
        _create(path)
    descriptor = _open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _read(descriptor, path).sequence < newest.sequence:
            os.pwrite(descriptor, head_line(newest).encode(), newest.sequence % 2 * HEAD_LINE_BYTES)
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def read_head(path: Path) -> Head:
    """Give the head that the file witnesses."""
    descriptor = _open(path, os.O_RDONLY)  # who only looks may be given a folder that cannot be written to
    try:
        return _read(descriptor, path)
    finally:
        os.close(descriptor)


def check_head(path: Path, session: Session) -> Head:
    """Refuse (ledger-rolled-back) a database that does not contain what the head file witnesses; give its own head."""
    witnessed, found = read_head(path), head(session)
    if not holds(session, witnessed) and not was_restored(session, witnessed):
        raise LedgerBroken(
            "ledger-rolled-back",
            f"the ledger ends at entry {found.sequence}, but entry {witnessed.sequence} was witnessed: a backup was "
            "restored, so nothing may be charged until the receipts since then are imported with `ledger restore`",
        )
    return found


def holds(session: Session, witnessed: Head) -> bool:
    """Tell whether the chain has this very entry and was not cut off behind it."""
    if witnessed.sequence == GENESIS.sequence:
        return witnessed == GENESIS
    wanted = select(LedgerEntryRow.digest).where(LedgerEntryRow.sequence == witnessed.sequence)
    digest = session.execute(wanted).scalar_one_or_none()
    return digest == witnessed.digest and head(session).sequence >= witnessed.sequence


def replace_head(path: Path, newest: Head) -> None:
    """Write the head after a restore, also where the file is gone; else as `write_head`."""
    if not path.exists():
        _create(path)
    write_head(path, newest)


def _create(path: Path) -> None:
    """Write the head of an empty ledger; whoever was first wins."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(write_head_text(GENESIS), "ascii")
    beside.chmod(OWNER_ONLY)
    try:
        os.link(beside, path)
    except FileExistsError:
        return
    finally:
        beside.unlink()


def _open(path: Path, access: int) -> int:
    try:
        return os.open(path, access | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise LedgerBroken(
            "ledger-head-missing", f"the ledger's head file {path} is missing: put it back, or run `ledger restore`"
        ) from error


def _read(descriptor: int, path: Path) -> Head:
    try:
        return read_head_text(os.pread(descriptor, FILE_BYTES, 0).decode("ascii"))
    except UnicodeDecodeError as error:
        raise LedgerBroken(
            "ledger-head-unreadable", f"the ledger's head file {path} cannot be read: put it back"
        ) from error
