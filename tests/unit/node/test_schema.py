"""The database's schema is made by migrations, and is the one that the tables describe."""

from pathlib import Path

import pytest
from sqlalchemy import inspect, text

import sandbox.store.checks
import sandbox.store.ledger
import sandbox.store.policy
import sandbox.store.restore
import sandbox.store.tables  # noqa: F401
from sandbox.errors import Misconfigured
from sandbox.store import schema
from sandbox.store.base import Base, Store


def migrated(folder: Path) -> Store:
    store = Store(f"sqlite:///{folder / 'node.db'}")
    schema.prepare(store)
    return store


def test_migrations_and_tables_describe_the_same_schema(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    store = migrated(tmp_path)
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    store.close()


def test_head_is_the_newest_revision() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


def test_preparing_twice_changes_nothing(tmp_path: Path) -> None:
    store = migrated(tmp_path)
    before = inspect(store.engine).get_table_names()
    schema.prepare(store)
    assert inspect(store.engine).get_table_names() == before
    store.close()


def test_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    store = migrated(tmp_path)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured) as caught:
        schema.prepare(store)
    assert caught.value.code == "database-newer"
    store.close()


def test_commits_are_safe_against_a_power_cut(tmp_path: Path) -> None:
    store = migrated(tmp_path)
    with store.engine.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 2]
    store.close()
