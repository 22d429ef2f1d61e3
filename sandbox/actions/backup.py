"""`node backup` and `node restore`: a whole node in one file, made while it runs, and made again from it.

1. The database is copied in one reading transaction: one state, whatever runs meanwhile. It is a SQLite file in the
   backup, whatever the node keeps its data in, so a node may also move from one kind of database to the other.
2. The node's own files come after it: trust roots and policies only go forward, so they are never older than what the
   database remembers. Nothing that can be fetched or ingested again is inside: no images, no data sets' snapshots.
3. The ledger's head is never inside: it is the witness that tells an old backup from the living ledger.
4. A restored job that was charged and not sealed may have been answered since the backup. It ends without a release,
   its charge kept (`since_restore`): no order is answered twice.
"""

import datetime as dt
import hashlib
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from protocol.documents.strict import canonical, parse_object
from sandbox.actions.clock import MARK
from sandbox.actions.files import SECRET
from sandbox.actions.init import LEDGER_HEAD
from sandbox.domain.ledger import read_head_text
from sandbox.errors import BadInput, Conflict
from sandbox.store import ledger, schema
from sandbox.store.audit import record
from sandbox.store.base import Session, Store
from sandbox.store.copy import copy_rows
from sandbox.store.dataset import list_datasets
from sandbox.store.job import last_charge
from sandbox.store.mark import raise_mark, read_mark
from sandbox.store.restore import RESTORED

DATABASE = "database.db"
MANIFEST = "manifest.json"
LEFT_OUT = ("datasets", "images", LEDGER_HEAD)
FORMAT = 1


def back_up(store: Store, directory: Path, node: str, out: Path, now: dt.datetime) -> dict[str, Any]:
    """Write a node into one file, whole or not at all, readable by its owner only; say what is inside."""
    if out.exists():
        raise Conflict("backup-exists", f"{out} is there already; a backup replaces nothing.")
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.absolute().parent) as name:
        draft = Path(name)
        head, rows = _save_database(store, draft / DATABASE)
        files = {DATABASE: draft / DATABASE} | dict(_own_files(directory))
        digests = {name: _digest(path) for name, path in files.items()}
        made: dict[str, Any] = {"format": FORMAT, "node": node, "made": now.isoformat(), "ledger": head}
        (draft / MANIFEST).write_bytes(canonical({**made, "files": digests}))
        _pack(draft / "backup.tar", {MANIFEST: draft / MANIFEST, **files})
        (draft / "backup.tar").replace(out)
    with store.transaction() as session:
        record(session, now, "operator", "node-backed-up", head["digest"])
    return {"file": str(out), "rows": rows, **made, "secrets_inside": _secrets(digests)}


def restore_node(
    file: Path, directory: Path, head: bytes | None, url_in: Callable[[Path], str], now: dt.datetime
) -> dict[str, Any]:
    """Make the node of a backup in a new directory, and its database where `url_in` of that directory says.

    `head` is the ledger's head as it was last written outside the backup; without one the node does not open before
    its ledger is restored by two persons. Refuses a directory or a database that holds something already, and a backup
    that is not whole (backup-broken).
    """
    if directory.exists() and any(directory.iterdir()):
        raise Conflict("node-exists", f"{directory} is not empty; a node is restored into a directory of its own.")
    if head is not None:
        _check_head_text(head)
    directory.absolute().parent.mkdir(parents=True, exist_ok=True)
    with _draft_beside(directory) as draft:
        made = _unpack(file, draft)
        missing = _restore_database(draft, url_in(draft), now)
        if head is not None:
            (draft / LEDGER_HEAD).touch(mode=SECRET)
            (draft / LEDGER_HEAD).write_bytes(head)
        for name in ("datasets", "images"):
            (draft / name).mkdir(mode=0o700)
        draft.replace(directory)
    return {"node": made["node"], "made": made["made"], "ledger": made["ledger"], "snapshots_missing": missing}


def _save_database(store: Store, path: Path) -> tuple[dict[str, Any], int]:
    path.touch(mode=SECRET)
    with closing(Store(f"sqlite:///{path}")) as saved:
        schema.prepare(saved)
        rows = copy_rows(store, saved)
        with saved.reading() as session:
            end = ledger.check_ledger(session)
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    return {"sequence": end.sequence, "digest": end.digest}, rows


def _own_files(directory: Path) -> Iterator[tuple[str, Path]]:
    """The node's files but those left out, the database (it is copied above), and half-written ones."""
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not hidden and name.parts[0] not in LEFT_OUT and not name.parts[0].startswith("node.db"):
            yield str(name), path


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _secrets(names: dict[str, str]) -> list[str]:
    return sorted(name for name in names if name.startswith("keys/") or name in (DATABASE, "node.toml"))


def _pack(path: Path, files: dict[str, Path]) -> None:
    path.touch(mode=SECRET)
    with tarfile.open(path, "w") as archive:
        for name, file in files.items():
            archive.add(file, name, recursive=False)


def _unpack(file: Path, draft: Path) -> dict[str, Any]:
    """Unpack a backup and check that it is whole: exactly the files that its manifest lists, byte for byte."""
    try:
        with tarfile.open(file, "r:") as archive:
            _extract(archive, draft)
        made = dict(parse_object((draft / MANIFEST).read_bytes()))
        (draft / MANIFEST).unlink()
        found = {str(path.relative_to(draft)): _digest(path) for path in draft.rglob("*") if path.is_file()}
    except (OSError, tarfile.TarError) as error:
        raise BadInput("backup-broken", f"{file} cannot be read as a backup; take another one.") from error
    if made.get("format") != FORMAT or made.get("files") != found or DATABASE not in found:
        raise BadInput("backup-broken", f"{file} is not whole, or was changed; take another one.")
    return made


def _extract(untrusted: tarfile.TarFile, draft: Path) -> None:
    """Write the files of an archive below `draft`: plain files under plain names, since nothing else is ever packed.

    The library has a filter for that, but not in every Python 3.11: Debian's has none.
    """
    for member in untrusted:
        name = PurePosixPath(member.name)
        content = untrusted.extractfile(member) if member.isreg() else None
        if content is None or name.is_absolute() or ".." in name.parts:
            raise tarfile.ExtractError(f"{member.name} is no plain file below its folder.")
        path = draft / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("xb") as stream:
            path.chmod(member.mode & 0o755)
            shutil.copyfileobj(content, stream)


def _restore_database(draft: Path, url: str, now: dt.datetime) -> list[str]:
    """Bring the backup's database up to date and to its place; return the snapshots that must be put back."""
    path = draft / DATABASE
    with closing(Store(f"sqlite:///{path}")) as saved:
        schema.prepare(saved)
        _mark_restored(saved, now)
        with saved.reading() as session:
            snapshots = [str(offered.directory) for offered in list_datasets(session)]
        if url != f"sqlite:///{draft / 'node.db'}":
            with closing(Store(url)) as target:
                schema.prepare(target)
                copy_rows(saved, target)
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    if url == f"sqlite:///{draft / 'node.db'}":
        path.replace(draft / "node.db")
    else:
        path.unlink()
    return snapshots


def _mark_restored(saved: Store, now: dt.datetime) -> None:
    """Remember the moment before which a charged job may have been answered, whatever this machine's clock says."""
    with saved.transaction() as session:
        at = max(moment for moment in (now, read_mark(session, MARK), last_charge(session)) if moment)
        raise_mark(session, RESTORED, at)
        raise_mark(session, MARK, at + dt.timedelta(microseconds=1))  # whatever is charged from now on comes later
        record(session, at, "operator", "node-restored", _head_digest(session))


def _head_digest(session: Session) -> str:
    return ledger.head(session).digest


def _check_head_text(head: bytes) -> None:
    try:
        read_head_text(head.decode("ascii"))
    except UnicodeDecodeError as error:
        raise BadInput(
            "ledger-head-unreadable", "The ledger head given cannot be read; give the file itself."
        ) from error


@contextmanager
def _draft_beside(directory: Path) -> Iterator[Path]:
    draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.absolute().parent))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
