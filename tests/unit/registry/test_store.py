"""The database keeps its promises: one path of migrations, safe settings, all or nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from databases import Database
from sqlalchemy import text
from sqlalchemy.exc import StatementError

from protocol.errors import SafeconductError
from registry.store import document, log, schema, tables, tables_review, token
from registry.store.base import Base, Store

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    made = Store(database.url)
    schema.upgrade(made.engine)
    yield made
    made.close()


def test_head_is_the_newest_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))

    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_the_migrations_make_exactly_the_tables_of_the_models(store: Store) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_registry_from_before_reviews_keeps_its_states(tmp_path: Path) -> None:
    made = Store(f"sqlite:///{tmp_path / 'old.db'}")
    digest = "a" * 64
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with made.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        algorithm = "1, :d, 'a', '1', 'ada', '', 'block', '', 'submitted', '2026-01-01 00:00:00'"
        vote = "1, :d, :d, :d, 'ethics', 'meri', 'p', 'approve', 0, :d, '2026-01-01 00:00:00'"
        for table, values in (
            ("document", ":d, 'algorithm', x'00', '2026-01-01 00:00:00'"),
            ("algorithm", algorithm),
            ("roster", "1, :d, 'office', 'ethics', 1, '2027-01-01 00:00:00'"),
            ("approval", vote),
        ):
            connection.execute(text(f"INSERT INTO {table} VALUES ({values})"), {"d": digest})
        connection.commit()

    schema.upgrade(made.engine)

    with made.reading() as tx:
        found = tx.get_one(tables.Algorithm, 1)
        course = tx.get_one(tables_review.ReviewCourse, digest)
        assert (found.state, course.opened) == ("in_review", found.changed)
    assert schema.current(made.engine) == schema.HEAD


def test_upgrading_twice_changes_nothing(store: Store) -> None:
    schema.upgrade(store.engine)

    assert schema.current(store.engine) == schema.HEAD


SET_UP = {
    "sqlite": {
        "PRAGMA journal_mode": "wal",
        "PRAGMA synchronous": 2,
        "PRAGMA foreign_keys": 1,
        "PRAGMA busy_timeout": 10_000,
    },
    "postgresql": {"SHOW synchronous_commit": "on", "SHOW lock_timeout": "10s"},
}


def test_the_database_is_set_up_to_lose_nothing(store: Store) -> None:
    wanted = SET_UP[store.engine.dialect.name]
    with store.engine.connect() as connection:
        assert {asked: connection.execute(text(asked)).scalar() for asked in wanted} == wanted


def test_writers_follow_one_another(store: Store) -> None:
    """Each adds one to what it read: a lost update would leave the log short."""

    def add(_: int) -> None:
        with store.transaction() as tx:
            tx.get_one(log.LogSize, 1).size = log.size(tx) + 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    with store.reading() as tx:
        assert log.size(tx) == 40


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    def break_off() -> None:
        with store.transaction() as tx:
            document.add(tx, "0" * 64, "status", b"{}", NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    with store.reading() as tx:
        assert document.get(tx, "0" * 64) is None


def test_a_second_writer_of_the_same_thing_is_told_so(store: Store) -> None:
    def write() -> None:
        with store.transaction() as tx:
            document.add(tx, "0" * 64, "status", b"{}", NOW)

    write()
    with pytest.raises(SafeconductError) as refusal:
        write()
    assert refusal.value.code == "write-conflict"


def test_foreign_keys_are_kept(store: Store) -> None:
    def write() -> None:
        with store.transaction() as tx:
            tx.add(tables.RosterMember(roster="0" * 64, person="meri"))

    with pytest.raises(SafeconductError):
        write()


def test_a_database_that_does_not_answer_is_said_so(tmp_path: Path) -> None:
    def read() -> None:
        with Store(f"sqlite:///{tmp_path}/missing/registry.db").reading() as tx:
            document.get(tx, "0" * 64)

    with pytest.raises(SafeconductError) as refusal:
        read()
    assert refusal.value.code == "database-busy"


def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    with store.transaction() as writing:
        document.add(writing, "0" * 64, "status", b"{}", NOW)
        with store.reading() as tx:
            assert document.get(tx, "0" * 64) is None


def test_moments_come_back_aware_and_naive_ones_are_refused(store: Store) -> None:
    with store.transaction() as tx:
        token.add(tx, "0" * 64, "rita", "person", "0" * 64, NOW)
    with store.reading() as tx:
        assert tx.get_one(tables.AccessToken, "0" * 64).expires == NOW

    def write_naive() -> None:
        with store.transaction() as tx:
            token.add(tx, "1" * 64, "rita", "person", "0" * 64, NOW.replace(tzinfo=None))

    with pytest.raises(StatementError):
        write_naive()
