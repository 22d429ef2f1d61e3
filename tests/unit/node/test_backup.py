"""A node in one file and made again from it, on either kind of database: whole, and answering nothing twice."""

import io
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from databases import Database, contents

from protocol.errors import SafeconductError
from sandbox.actions.backup import back_up, restore_node
from sandbox.actions.clock import GuardedClock
from sandbox.actions.init import LEDGER_HEAD
from sandbox.chambers.fake import Ending
from sandbox.settings import load_settings
from sandbox.store.base import Store
from sandbox.worker.wiring import open_node


def save(kit: Any, name: str = "backup.tar") -> Path:
    back_up(kit.node.store, kit.folder / "node", kit.node.name, kit.folder / name, kit.clock())
    return Path(kit.folder / name)


def turn(kit: Any, file: Path, database: Database, *, head: bool = True) -> None:
    """Lose the node, and go on with the one that the backup makes."""
    path = kit.folder / "node" / LEDGER_HEAD
    restored = kit.folder / "restored"
    restore_node(file, restored, path.read_bytes() if head else None, lambda _: database.url, kit.clock())
    kit.node.store.close()
    shutil.rmtree(restored / "datasets")
    shutil.copytree(kit.folder / "node" / "datasets", restored / "datasets")
    store = Store(database.url)
    places = replace(kit.node.places, ledger_head=restored / LEDGER_HEAD, datasets=restored / "datasets")
    kit.node = replace(kit.node, store=store, clock=GuardedClock(store, kit.clock), places=places)


def opened(kit: Any, database: Database) -> str:
    """What opening the restored node says: nothing, or a code."""
    settings = load_settings(kit.folder / "restored", {}).model_copy(update={"database_url": database.url})
    try:
        open_node(settings.model_copy(update={"run_directory": kit.folder / "run"})).store.close()
    except SafeconductError as error:
        return error.code
    return "opens"


def slowly(kit: Any) -> Callable[[bytes, Path], Ending]:
    def program(_input: bytes, _block: Path) -> Ending:
        kit.clock.advance(8)
        return Ending(wrote=b'{"share": 0.5}')

    return program


def test_restored_node_holds_every_row_and_every_file_of_its_own(kit: Any, database: Database) -> None:
    kit.finish(kit.take())
    before = contents(kit.database.url)
    turn(kit, save(kit), database)

    after = contents(database.url)

    same = [name for name in before if name not in ("audit", "mark")]
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    files = {str(path.relative_to(kit.folder / "restored")) for path in (kit.folder / "restored").rglob("*.*")}
    assert {"node.toml", "policy.json", "trust-root.json", "keys/node.pem", "keys/lineage-cohort-fi.key"} <= files
    assert (kit.folder / "restored" / "keys" / "node.pem").stat().st_mode & 0o777 == 0o600
    assert opened(kit, database) == "opens"
    assert kit.finish(kit.take()).state == "reported"  # numbers go on behind those that were copied


def test_job_that_ran_at_the_backup_is_never_answered_a_second_time(kit: Any, database: Database) -> None:
    waiting, running = kit.take(), kit.take()
    kit.chamber = slowly(kit)
    assert kit.tick(running).state == "running"
    file = save(kit)
    assert kit.finish(running, rings=20).state == "reported"
    answer = kit.sealed(running)
    turn(kit, file, database)

    assert kit.finish(running, rings=20).state == "cancelled"
    assert kit.sealed(running).ciphertext is None
    assert (answer.ciphertext is not None, kit.row(running).code) == (True, "ledger-restored")
    assert kit.finish(waiting, rings=20).state == "reported"  # it was not charged, so nobody had an answer


def test_slow_clock_of_the_new_machine_does_not_let_an_old_job_run(kit: Any, database: Database) -> None:
    order = kit.take()
    kit.chamber = slowly(kit)
    kit.tick(order)
    file = save(kit)
    kit.clock.advance(-3600)
    turn(kit, file, database)
    kit.clock.advance(7200)

    assert kit.finish(order, rings=20).state == "cancelled"


@pytest.mark.parametrize(("head", "code"), [(True, "ledger-rolled-back"), (False, "ledger-head-missing")])
def test_backup_older_than_the_last_charge_or_without_a_witness_does_not_open(
    kit: Any, database: Database, head: bool, code: str
) -> None:
    kit.finish(kit.take())
    file = save(kit)
    kit.finish(kit.take())
    turn(kit, file, database, head=head)

    assert opened(kit, database) == code


def test_backup_is_its_owner_s_and_tells_its_secrets_and_holds_no_head(kit: Any) -> None:
    file = kit.folder / "backup.tar"
    said = back_up(kit.node.store, kit.folder / "node", kit.node.name, file, kit.clock())

    assert file.stat().st_mode & 0o777 == 0o600
    assert said["secrets_inside"] == ["database.db", "keys/lineage-cohort-fi.key", "keys/node.pem",
                                      "keys/node.public.json", "node.toml"]  # fmt: skip
    with tarfile.open(file) as archive:
        names = archive.getnames()
    assert not [name for name in names if name.startswith(("ledger.head", "datasets", "images", "node.db"))]
    assert [path.name for path in kit.folder.glob(".*")] == []
    with pytest.raises(SafeconductError, match="already"):
        save(kit)


def test_changed_or_cut_backup_is_refused_and_leaves_nothing(kit: Any, tmp_path: Path) -> None:
    whole = save(kit).read_bytes()
    changed = whole.replace(b"worker_concurrency", b"worker_concurrencx").replace(b'"node-fi"', b'"node-se"')
    for number, content in enumerate((changed, whole[: len(whole) // 2], b"")):
        file = tmp_path / f"bad-{number}.tar"
        file.write_bytes(content)
        with pytest.raises(SafeconductError) as refused:
            restore_node(file, tmp_path / "new", None, lambda draft: f"sqlite:///{draft / 'node.db'}", kit.clock())
        assert refused.value.code == "backup-broken", number
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".new*"))


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, target, 0 if target else 1
    return made


@pytest.mark.parametrize(
    "entries",
    [
        [entry("../outside")],
        [entry("keys/../../outside")],
        [entry("{elsewhere}/outside")],
        [entry("link", tarfile.SYMTYPE, "{elsewhere}"), entry("link/outside")],
        [entry("link", tarfile.LNKTYPE, "{elsewhere}/there")],
        [entry("pipe", tarfile.FIFOTYPE, "none")],
        [entry("keys/node.pem"), entry("keys/node.pem")],
    ],
)
def test_hostile_archive_writes_nothing_elsewhere(kit: Any, tmp_path: Path, entries: list[tarfile.TarInfo]) -> None:
    elsewhere, file = tmp_path / "elsewhere", tmp_path / "bad.tar"
    elsewhere.mkdir()
    (elsewhere / "there").write_text("kept")
    with tarfile.open(file, "w") as archive:
        for one in entries:
            made = entry(one.name.format(elsewhere=elsewhere), one.type, one.linkname.format(elsewhere=elsewhere))
            archive.addfile(made, io.BytesIO(b"x"))

    with pytest.raises(SafeconductError) as refused:
        restore_node(file, tmp_path / "new", None, lambda draft: f"sqlite:///{draft / 'node.db'}", kit.clock())

    assert refused.value.code == "backup-broken"
    assert {path.name for path in elsewhere.iterdir()} == {"there"}
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".new*"))


def test_nothing_is_restored_over_a_node(kit: Any, tmp_path: Path, database: Database) -> None:
    file = save(kit)
    for directory, url in ((tmp_path / "node", "sqlite://"), (tmp_path / "new", kit.database.url)):
        with pytest.raises(SafeconductError) as refused:
            restore_node(file, directory, None, lambda _, url=url: url, kit.clock())  # type: ignore[misc]
        assert refused.value.code in ("node-exists", "database-not-empty")
    assert not (tmp_path / "new").exists()


def test_backup_of_a_running_node_is_one_state(kit: Any) -> None:
    """Written between two reads of the copy, a charge is in all tables of it or in none."""
    kit.finish(kit.take())
    store, real = kit.node.store, kit.node.store.reading

    class Writing:
        def __enter__(self) -> Any:
            self.inner = real()
            session = self.inner.__enter__()
            session.connection().exec_driver_sql("SELECT count(*) FROM job")
            kit.node.store.reading = real
            kit.finish(kit.take())
            return session

        def __exit__(self, *error: Any) -> Any:
            return self.inner.__exit__(*error)

    store.reading = Writing
    said = back_up(store, kit.folder / "node", kit.node.name, kit.folder / "backup.tar", kit.clock())

    assert said["ledger"]["sequence"] == 1
    with tarfile.open(kit.folder / "backup.tar") as archive:
        (kit.folder / "database.db").write_bytes(archive.extractfile("database.db").read())  # type: ignore[union-attr]
    held = contents(f"sqlite:///{kit.folder / 'database.db'}")
    assert (len(held["job"]), len(held["ledger_entry"]), len(held["sealed"])) == (1, 1, 1)
