"""The ledger's head outside the database: the witness that tells a restored backup from the living ledger.

The file only ever moves forward. It is written after the commit of a charge and before any chamber sees data, so it may
be one charge behind the database, never ahead of it: a database that does not hold the head's entry was rolled back.
A missing file is no witness and stops the node as well; only the head of an empty ledger may be written anew.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from sandbox.domain.ledger import GENESIS, Head, read_head_text, write_head_text
from sandbox.errors import LedgerBroken
from sandbox.store.ledger import LedgerEntryRow, head

OWNER_ONLY = 0o600


def write_head(path: Path, newest: Head) -> None:
    """Move the head file forward to `newest`, atomically and durably; several processes may do so at once."""
    with _locked(path):
        if not path.exists() and newest != GENESIS:
            raise _missing(path)
        if not path.exists() or read_head(path).sequence < newest.sequence:
            _replace(path, write_head_text(newest))


def read_head(path: Path) -> Head:
    """Give the head that the file witnesses."""
    try:
        return read_head_text(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise _missing(path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerBroken("ledger-head-unreadable", f"the ledger's head file {path} cannot be read") from error


def check_head(path: Path, session: Session) -> Head:
    """Refuse (ledger-rolled-back) a database that does not contain what the head file witnesses; give its own head."""
    witnessed = read_head(path)
    if witnessed.sequence == GENESIS.sequence:
        digest: str | None = GENESIS.digest
    else:
        digest = session.execute(
            select(LedgerEntryRow.digest).where(LedgerEntryRow.sequence == witnessed.sequence)
        ).scalar_one_or_none()
    found = head(session)
    if digest != witnessed.digest or found.sequence < witnessed.sequence:
        raise LedgerBroken(
            "ledger-rolled-back",
            f"the ledger ends at entry {found.sequence}, but entry {witnessed.sequence} was witnessed: "
            "a backup was restored, so nothing may be charged until the receipts since then are imported",
        )
    return found


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.with_name(path.name + ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(path: Path, content: str) -> None:
    """Write beside, sync, rename, sync the folder: after a power cut the file is the old one or the new one."""
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _missing(path: Path) -> LedgerBroken:
    return LedgerBroken(
        "ledger-head-missing", f"the ledger's head file {path} is missing: restore it, or this node stops"
    )
