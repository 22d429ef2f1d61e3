"""Copy everything that a node's database holds into another one, of either kind: for backups, and to outgrow SQLite.

The rows are read in one reading transaction, so the copy is one state of a node that runs meanwhile, and written in one
writing transaction, so the target has all of it or nothing. Tables come in the order of their references.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Integer, MetaData, Table, func, insert, select, text

from sandbox.errors import Conflict
from sandbox.store.base import Store
from sandbox.store.schema import REVISION_TABLE

ROWS_AT_ONCE = 100


def copy_rows(source: Store, target: Store) -> int:
    """Copy all rows of all tables into a database of the same schema that is still empty; return their number."""
    with source.reading() as reading, target.transaction() as writing:
        come, go = reading.connection(), writing.connection()
        tables = _tables(come)
        _check_empty(go, tables)
        copied = sum(_copy_table(come, go, table) for table in tables)
        if go.dialect.name == "postgresql":
            _move_sequences(go, tables)
    return copied


def _tables(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != REVISION_TABLE]


def _check_empty(connection: Connection, tables: list[Table]) -> None:
    for table in tables:
        if connection.execute(select(func.count()).select_from(table)).scalar_one():
            raise Conflict("database-not-empty", "The database already holds a node; restore into an empty one.")


def _copy_table(come: Connection, go: Connection, table: Table) -> int:
    copied = 0
    for rows in _batches(come, table):
        go.execute(insert(table), rows)
        copied += len(rows)
    return copied


def _batches(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    found = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table))
    for rows in found.mappings().partitions():
        yield [dict(row) for row in rows]


def _move_sequences(connection: Connection, tables: list[Table]) -> None:
    """Let PostgreSQL count on behind the numbers that were copied."""
    for table in tables:
        for column in table.primary_key.columns:
            if isinstance(column.type, Integer):
                found = text("SELECT pg_get_serial_sequence(:table, :column)")
                name = connection.execute(found, {"table": table.name, "column": column.name}).scalar()
                if name:
                    last = select(func.max(column)).scalar_subquery()
                    connection.execute(select(func.setval(name, func.coalesce(last, 1), last.is_not(None))))
