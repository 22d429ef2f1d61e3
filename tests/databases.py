"""A database as a test is given it, SQLite or PostgreSQL: where it is, a backup of it, and the backup in its place.

def test_something(database):               # runs twice, each time on an empty database of its own
    store = Store(database.url)

With `--postgresql` the unit tests' nodes (`kit`) and registries (`hub`), and the long stories, run on PostgreSQL too.
"""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from postgresql import Cluster
from sqlalchemy import MetaData, create_engine, select


class Database(Protocol):
    """What tests may do with a database of either kind."""

    @property
    def url(self) -> str:
        """Its address, for `Store`."""

    def copy(self, folder: Path) -> "Database":
        """Make another one with the same contents; nobody may be connected to this one."""

    def save(self) -> None:
        """Back it up."""

    def turn_back(self) -> None:
        """Put the backup in its place; nobody may be connected."""


@dataclass
class Sqlite:
    """A file of SQLite's, and its backup beside it."""

    path: Path
    backup: Path = field(init=False)

    def __post_init__(self) -> None:
        self.backup = self.path.with_name("backup.db")

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def copy(self, folder: Path) -> "Sqlite":
        folder.mkdir(exist_ok=True)
        return Sqlite(Path(shutil.copy(self.path, folder)))

    def save(self) -> None:
        self.backup.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("VACUUM INTO ?", [str(self.backup)])

    def turn_back(self) -> None:
        for part in self.path.parent.glob(f"{self.path.name}*"):
            part.unlink()
        shutil.copy(self.backup, self.path)


@dataclass
class Postgresql:
    """A database of the tests' own server. Its backup is a copy, for which every connection is cut."""

    cluster: Cluster
    url: str
    backup: str = ""

    def copy(self, folder: Path) -> "Postgresql":
        return Postgresql(self.cluster, self.cluster.copy(self.url))

    def save(self) -> None:
        if self.backup:
            self.cluster.drop(self.backup)
        self.cluster.cut(self.url)
        self.backup = self.cluster.copy(self.url)

    def turn_back(self) -> None:
        self.cluster.drop(self.url)
        self.cluster.rename(self.cluster.copy(self.backup), self.url)


def contents(url: str) -> dict[str, list[Any]]:
    """Every row of every table."""
    engine, found = create_engine(url), MetaData()
    with engine.connect() as connection:
        found.reflect(connection)
        rows = {table.name: [tuple(row) for row in connection.execute(select(table))] for table in found.sorted_tables}
    engine.dispose()
    return {name: sorted(each, key=repr) for name, each in rows.items()}
