"""The base of every table, the column types they share, and the door to the database.

Rules. Moments are aware datetimes in UTC, kept as integer microseconds, so that they order and compare alike in
SQLite and PostgreSQL. Amounts of rho are integers in nano. One writer at a time on either database: a writing
transaction begins with BEGIN IMMEDIATE on SQLite, and on PostgreSQL by taking the one lock that all writers take. So
two writers queue up instead of failing half-way, and a cap that two jobs check at once is still a cap. A reader waits
for nobody and sees one state. A writer on another machine that falls silent amid its transaction loses the lock after
`SILENT_SECONDS`; what it wrote is undone.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BigInteger, Connection, Dialect, Engine, MetaData, create_engine, event
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from sandbox.errors import InfrastructureLost
from sandbox.store.driver import change

__all__ = ["EPOCH", "Base", "Moment", "Session", "Store", "microseconds", "translated"]

BUSY_TIMEOUT_MILLISECONDS = 30_000
SILENT_SECONDS = 10
WRITERS_LOCK = 7_236_001  # any number; the lock is the database's own

_SESSION = {
    "synchronous_commit": "on",  # a commit that was told to anyone survives a power cut
    "lock_timeout": BUSY_TIMEOUT_MILLISECONDS,
    "idle_in_transaction_session_timeout": 1000 * SILENT_SECONDS,
}
_CONNECTION = {
    "options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 1000 * SILENT_SECONDS,
}

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table of the node derives from this class."""

    metadata = MetaData(naming_convention=_NAMES)


class Moment(TypeDecorator[dt.datetime]):
    """An aware UTC datetime, kept as integer microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Refuse a naive datetime: it would mean another moment on another machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without time zone cannot be stored")
        return microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        """Give back the aware datetime."""
        return None if value is None else EPOCH + dt.timedelta(microseconds=value)


def microseconds(moment: dt.datetime) -> int:
    """Give an aware moment as it is stored."""
    return (moment - EPOCH) // dt.timedelta(microseconds=1)


class Store:
    """The node's database: `transaction()` to write, `reading()` to look."""

    def __init__(self, url: str) -> None:
        self.engine = _make_engine(url)
        self._readers = self.engine.execution_options(**_reading(self.engine))

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a session whose changes are committed together at the end, or not at all."""
        with translated(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one consistent state and keeps nothing."""
        with translated(), Session(self._readers, expire_on_commit=False) as session:
            yield session

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Say in our words that the database does not answer."""
    try:
        yield
    except (OperationalError, InternalError, InterfaceError) as error:  # locked for too long, disk full, server gone
        raise InfrastructureLost("database-unavailable", "The node's database does not answer.") from error


def _make_engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return _make_postgresql(url)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MILLISECONDS / 1000, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_postgresql(url: str) -> Engine:
    engine = create_engine(url, isolation_level="READ COMMITTED", pool_pre_ping=True, connect_args=_CONNECTION)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _reading(engine: Engine) -> dict[str, str]:
    """How a session that only looks begins."""
    consistent = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    return {"begin": "DEFERRED", **consistent}


def _begin_postgresql(connection: Connection) -> None:
    """Take the writers' lock; every statement after it sees what the writer before committed."""
    if connection.get_execution_options().get("begin") != "DEFERRED":
        change(connection, "SELECT pg_advisory_xact_lock(:lock)", {"lock": WRITERS_LOCK})


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # a commit that was told to anyone survives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    kind = connection.get_execution_options().get("begin", "IMMEDIATE")
    change(connection, f"BEGIN {kind}", {})
