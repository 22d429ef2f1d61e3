"""Run a statement as it stands, by the database's own driver: for the few that every charge and every seal wait for.

The compiler and its results cost more than these statements themselves (decision 12). They run in the connection's
transaction like every other, with named values; what the driver raises becomes what the compiler would have raised.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

_NAMED = re.compile(r":([a-z_]+)")


def fetch(connection: Connection, statement: str, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """Run one statement that answers with rows, and give them all."""
    return cast("Sequence[Sequence[Any]]", _run(connection, statement, values).fetchall())


def change(connection: Connection, statement: str, values: Mapping[str, Any]) -> int:
    """Run one statement that changes rows, and give their number."""
    return cast("int", _run(connection, statement, values).rowcount)


def _run(connection: Connection, statement: str, values: Mapping[str, Any]) -> Any:
    dialect = connection.dialect
    cursor = connection.connection.cursor()
    driver_error = cast("type[Exception]", dialect.loaded_dbapi.Error)
    try:
        cursor.execute(_spelled(statement, dialect.name), values)
    except driver_error as error:
        raise DBAPIError.instance(statement, None, error, driver_error, hide_parameters=True) from error
    return cursor


@cache
def _spelled(statement: str, dialect: str) -> str:
    """SQLite's driver takes `:name` as it is written, PostgreSQL's wants another spelling."""
    return statement if dialect == "sqlite" else _NAMED.sub(r"%(\1)s", statement)
