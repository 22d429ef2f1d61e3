"""The head outside the database tells a restored backup from the living ledger."""

import threading
from pathlib import Path

import pytest
from databases import Database

from sandbox.domain.ledger import GENESIS, Head
from sandbox.errors import LedgerBroken
from sandbox.store.base import Store
from sandbox.store.ledger_head import check_head, read_head, write_head

from .conftest import Book


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "ledger.head"
    write_head(made, GENESIS)
    return made


def check(store: Store, path: Path) -> Head:
    with store.reading() as session:
        return check_head(path, session)


def test_living_ledger_is_believed(book: Book, path: Path) -> None:
    assert check(book.store, path) == GENESIS

    entry = book.charge("first")
    write_head(path, entry.head)

    assert check(book.store, path) == entry.head


def test_head_may_be_one_charge_behind(book: Book, path: Path) -> None:
    write_head(path, book.charge("first").head)
    second = book.charge("second")

    assert check(book.store, path) == second.head


def test_restored_backup_is_refused(book: Book, path: Path, database: Database) -> None:
    book.charge("first")
    database.save()
    write_head(path, book.charge("second").head)
    book.store.close()
    database.turn_back()

    restored = Store(database.url)

    with pytest.raises(LedgerBroken) as broken:
        check(restored, path)
    restored.close()
    assert broken.value.code == "ledger-rolled-back"


def test_other_history_of_the_same_length_is_refused(
    book: Book, path: Path, database: Database, tmp_path: Path
) -> None:
    book.store.close()
    copied = database.copy(tmp_path / "other")
    write_head(path, book.charge("first").head)
    other = Book(Store(copied.url))
    other.charge("something else")

    with pytest.raises(LedgerBroken) as broken:
        check(other.store, path)
    other.store.close()
    assert broken.value.code == "ledger-rolled-back"


def test_missing_head_is_refused(book: Book, path: Path) -> None:
    entry = book.charge("first")
    path.unlink()

    for use in (lambda: check(book.store, path), lambda: write_head(path, entry.head)):
        with pytest.raises(LedgerBroken) as broken:
            use()
        assert broken.value.code == "ledger-head-missing"


def test_unreadable_head_is_refused(book: Book, path: Path) -> None:
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(LedgerBroken) as broken:
        check(book.store, path)

    assert broken.value.code == "ledger-head-unreadable"


def test_head_never_moves_back(book: Book, path: Path) -> None:
    first, second = book.charge("first"), book.charge("second")
    write_head(path, second.head)

    write_head(path, first.head)

    assert read_head(path) == second.head


def test_many_writers_leave_the_newest_head(path: Path) -> None:
    heads = [Head(sequence=i, digest=f"{i:064x}") for i in range(1, 41)]
    writers = [threading.Thread(target=write_head, args=(path, head)) for head in heads]

    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert read_head(path) == heads[-1]


def test_head_is_for_its_owner_only(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
