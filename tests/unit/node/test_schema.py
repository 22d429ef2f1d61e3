"""The database's schema is made by migrations, and is the one that the tables describe."""

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from databases import Database
from sqlalchemy import inspect, text

import sandbox.store.admin
import sandbox.store.checks
import sandbox.store.ledger
import sandbox.store.policy
import sandbox.store.restore
import sandbox.store.tables  # noqa: F401
from sandbox.errors import Misconfigured
from sandbox.store import schema
from sandbox.store.base import Base, Store
from sandbox.store.mark import raise_mark, read_mark


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    opened = Store(database.url)
    schema.prepare(opened)
    yield opened
    opened.close()


def test_migrations_and_tables_describe_the_same_schema(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_head_is_the_newest_revision() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


def test_preparing_twice_changes_nothing(store: Store) -> None:
    before = inspect(store.engine).get_table_names()
    schema.prepare(store)
    assert inspect(store.engine).get_table_names() == before


def test_database_of_a_newer_version_is_refused(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured) as caught:
        schema.prepare(store)
    assert caught.value.code == "database-newer"


DURABLE = {
    "sqlite": {"PRAGMA journal_mode": "wal", "PRAGMA synchronous": 2, "PRAGMA foreign_keys": 1},
    "postgresql": {
        "SHOW synchronous_commit": "on",
        "SHOW fsync": "on",
        "SHOW idle_in_transaction_session_timeout": "10s",
        "SHOW transaction_isolation": "read committed",
    },
}


def test_commits_are_safe_against_a_power_cut_and_silent_writers_end(store: Store) -> None:
    wanted = DURABLE[store.engine.dialect.name]
    with store.engine.connect() as connection:
        assert {asked: connection.exec_driver_sql(asked).scalar() for asked in wanted} == wanted


def test_two_programs_may_make_the_tables_at_once(database: Database) -> None:
    program = "import sys; from sandbox.store.base import Store; from sandbox.store.schema import prepare; "
    command = [sys.executable, "-c", program + "prepare(Store(sys.argv[1]))", database.url]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]

    assert [(each.communicate(timeout=60)[1], each.returncode) for each in both] == [(b"", 0)] * 2


def test_a_writer_sees_what_the_writer_before_it_wrote(store: Store) -> None:
    """Both add one to what they read: a lost update would leave the sum short."""
    moment, one = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.timedelta(seconds=1)

    def add(_: int) -> None:
        with store.transaction() as session:
            raise_mark(session, "sum", (read_mark(session, "sum") or moment) + one)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))

    with store.reading() as session:
        assert read_mark(session, "sum") == moment + 40 * one


def test_a_reader_sees_one_state_and_waits_for_no_writer(store: Store) -> None:
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    with store.reading() as reading:
        assert read_mark(reading, "sum") is None
        with store.transaction() as session:
            raise_mark(session, "sum", moment)
            with store.reading() as other:
                assert read_mark(other, "sum") is None
        assert read_mark(reading, "sum") is None
