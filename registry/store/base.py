"""The database door: engine, transactions, and the few promises that every caller relies on.

SQLite by default: WAL, synchronous FULL (what was answered with 201 survives a power cut), foreign keys on, and
`BEGIN IMMEDIATE` for whatever writes, so that two writers queue instead of failing half-way. PostgreSQL by URL, where
whatever writes takes one lock first, for the same reason; a reader waits for nobody and sees one state.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import DateTime, Dialect, Engine, MetaData, create_engine, event
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from registry.errors import Busy, Conflict

Transaction = Session
"""What actions hold while they work; they never see more of the ORM than this name."""

WRITE_CONFLICT: Final = "write-conflict"
_BUSY_SECONDS: Final = 10
_WRITERS_LOCK: Final = 7_236_002  # any number; the lock is the database's own
_POSTGRESQL: Final = (
    "-c synchronous_commit=on "
    f"-c lock_timeout={_BUSY_SECONDS * 1000} -c idle_in_transaction_session_timeout={_BUSY_SECONDS * 1000}"
)
_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",  # what was erased must not stay in the file's free pages
    f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}",
)


class Base(DeclarativeBase):
    """The registry's tables. Constraints have names, so that a later migration can change them anywhere."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, also on SQLite, which knows none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        """Refuse naive datetimes; store UTC."""
        if value is not None and value.tzinfo is None:
            raise TypeError("a naive datetime came to the database")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        """Give the zone back that SQLite dropped."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def make_engine(url: str) -> Engine:
    """Return an engine for `url`, with the promises above set up."""
    if not url.startswith("sqlite"):
        options = {"options": _POSTGRESQL, "connect_timeout": 5}
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=options)
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    engine = create_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_postgresql(connection: Any) -> None:
    if not connection.get_execution_options().get("safeconduct_reads", False):
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_WRITERS_LOCK,))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions behind our back
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Any) -> None:
    reads = connection.get_execution_options().get("safeconduct_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


class Store:
    """The registry's database."""

    def __init__(self, url: str) -> None:
        """Open lazily; nothing is created here (see `registry.store.schema`)."""
        self.engine = make_engine(url)
        self._writing = sessionmaker(self.engine, expire_on_commit=False)
        consistent = {} if self.engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        readers = self.engine.execution_options(safeconduct_reads=True, **consistent)
        self._reading = sessionmaker(readers, expire_on_commit=False, autoflush=False)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commit everything that was done inside, or nothing.

        Raises Conflict when another writer was faster, Busy when the database does not answer in time.
        """
        with _translated(), self._writing.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Give one consistent view; never waits for writers."""
        with _translated(), self._reading.begin() as session:
            yield session

    def scrub(self) -> None:
        """Bring what was erased out of SQLite's write-ahead log as well; another database sees to that itself."""
        if self.engine.dialect.name == "sqlite":
            connection = self.engine.raw_connection()  # it must not run inside a transaction
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.close()

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Conflict(WRITE_CONFLICT, "Somebody else wrote the same thing at this moment. Try again.") from error
    except OperationalError as error:
        raise Busy("database-busy", "The registry's database does not answer at this moment. Try again.") from error
