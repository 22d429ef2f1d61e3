"""A database as the first release left it: filled from one of today's, with no more than the columns that it had."""

from collections.abc import Mapping
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, MetaData, func, insert, select, text

from sandbox.store import schema
from sandbox.store.base import Store

FIRST = "0001"
REVISIONS = "alembic_version"
AS_IT_IS: Mapping[tuple[str, str], Mapping[Any, Any]] = {}


def make_first_node(source: Store, target: Store) -> None:
    """Write what a node holds into the first release's tables, in an empty database."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.attributes["engine"] = target.engine
    command.upgrade(config, FIRST)
    fill(source.engine, target.engine)


def fill(source: Engine, target: Engine, words: Mapping[tuple[str, str], Mapping[Any, Any]] = AS_IT_IS) -> None:
    """Copy rows into the tables that the target has; `words` are what a table's column said otherwise then."""
    with source.connect() as come, target.begin() as go:
        new, old = _reflected(come), _reflected(go)
        for table in old.sorted_tables:
            if table.name == REVISIONS:
                continue
            wanted = [new.tables[table.name].c[column.name] for column in table.columns]
            rows = [dict(row) for row in come.execute(select(*wanted)).mappings()]
            for (changed, column), meant in words.items():
                if changed == table.name:
                    rows = [row | {column: meant.get(row[column], row[column])} for row in rows]
            if rows:
                go.execute(insert(table), rows)
        if target.dialect.name == "postgresql":
            _count_on(go, old)


def _reflected(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    return found


def _count_on(connection: Connection, tables: MetaData) -> None:
    """Let PostgreSQL number new rows after those that were copied, as if it had numbered them."""
    for table in tables.sorted_tables:
        for column in table.primary_key:
            if column.server_default is not None:
                newest = connection.scalar(select(func.coalesce(func.max(column), 1)))
                sequence = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
                connection.execute(text(f"SELECT setval({sequence}, {newest})"))
