"""Bring a node's database to the present schema, by Alembic; a database that is there already costs one query.

Alembic is imported only when there is something to do, because it takes longer than the rest of a node's start.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import inspect, text

from sandbox.errors import Misconfigured
from sandbox.store.base import Store, translated

HEAD = "0007"  # the newest revision in migrations/versions; a test compares them
REVISION_TABLE = "alembic_version"
MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(store: Store) -> None:
    """Create the tables, or bring them up to date; refuse a database that a newer version wrote."""
    with translated():
        if read_revision(store) == HEAD:
            return
        with _alone(store):
            _upgrade(store)


def read_revision(store: Store) -> str | None:
    """Read the revision of the database's schema; None for an empty database."""
    with store.engine.connect() as connection:
        if not inspect(connection).has_table(REVISION_TABLE):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _upgrade(store: Store) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = store.engine
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        sentence = "The database was written by a newer version of this program; install that version."
        raise Misconfigured("database-newer", sentence) from error


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """Let one process at a time change the schema; a database server sees to that itself."""
    path = store.engine.url.database
    if store.engine.dialect.name != "sqlite" or not path:
        yield
        return
    with Path(f"{path}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
