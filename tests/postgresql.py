"""A PostgreSQL server of the tests' own: reached by a unix socket, ended by its number, its files in memory.

It syncs as a real one does: no kill of a process tells memory from a disk, so memory will do, and costs a tenth.

cluster = Cluster.start()          # as the user postgres where the tests are root: the server refuses to be root
url = cluster.create()             # an empty database, for `Store(url)`
cluster.copy(url)                  # another one with the same contents; nobody may be connected to the first
cluster.stop()
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

USER = "postgres"
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
START_SECONDS = 60
MEMORY = Path("/dev/shm")


def programs() -> Path:
    """The folder of the server's programs, the newest version's."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("there is no PostgreSQL on this machine; `make test` installs it")
    return found[-1].parent


class Cluster:
    """A server that runs until `stop`; `kill` ends it as a power cut would, `run` starts it again."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self._settings, self._numbers = folder, SETTINGS | settings, count(1)
        self.process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, parent: Path = MEMORY, **settings: str) -> "Cluster":
        """Make a cluster in a new folder in `parent`, and run it."""
        made = cls(Path(tempfile.mkdtemp(prefix="safeconduct-pg-", dir=parent)), **settings)
        shutil.chown(made.folder, USER) if os.getuid() == 0 else None
        made._run("initdb", "--auth=trust", f"--username={USER}", "--no-sync", "--locale=C.UTF-8", "-D", str(made.data))
        made.run()
        return made

    @property
    def data(self) -> Path:
        """Where the server keeps its files."""
        return self.folder / "data"

    def run(self) -> None:
        """Run the server, and wait until it answers."""
        words = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [programs() / "postgres", "-D", self.data, "-k", self.folder, *words], stdout=log, stderr=log, **_user()
            )
        self._run("pg_isready", "-h", str(self.folder), "-t", str(START_SECONDS), until_it_works=True)

    def url(self, name: str) -> str:
        """The address of a database for the programs."""
        return f"postgresql+psycopg://{USER}@/{name}?host={self.folder}"

    def create(self, template: str = "template1") -> str:
        """Make a database and return its address."""
        name = f"d{next(self._numbers)}"
        self.tell(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return self.url(name)

    def copy(self, url: str) -> str:
        """Make a copy of a database, and return its address."""
        return self.create(name_of(url))

    def admit(self, addresses: str) -> None:
        """Let whoever comes from these addresses in; `listen_addresses` says where they may knock."""
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {addresses} trust\n")
        self.tell("SELECT pg_reload_conf()")

    def cut(self, url: str) -> None:
        """Cut every connection to a database."""
        self.tell(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(url)}'")

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.tell(f"DROP DATABASE IF EXISTS {name_of(url)} WITH (FORCE)")

    def rename(self, url: str, onto: str) -> None:
        """Put one database in the place of another."""
        self.drop(onto)
        self.tell(f"ALTER DATABASE {name_of(url)} RENAME TO {name_of(onto)}")

    def tell(self, statement: str) -> None:
        """Run a statement that no transaction may hold."""
        with psycopg.connect(f"host={self.folder} user={USER} dbname=postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def kill(self) -> None:
        """End every process of the server at once."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for number in (self.process.pid, *map(int, children)):
            os.kill(number, signal.SIGKILL)
        self.process.wait(START_SECONDS)

    def stop(self) -> None:
        """End the server and forget its files."""
        self.process.send_signal(signal.SIGQUIT)  # what it held is forgotten with it
        self.process.wait(START_SECONDS)
        shutil.rmtree(self.folder)

    def _run(self, program: str, *words: str, until_it_works: bool = False) -> None:
        for _ in range(200):
            done = subprocess.run([programs() / program, *words], capture_output=True, check=False, **_user())
            if done.returncode == 0:
                return
            if not until_it_works or self.process.poll() is not None:
                break
        log = self.folder / "log"
        raise AssertionError((done.stderr + (log.read_bytes() if log.exists() else b"")).decode()[-2000:])


def name_of(url: str) -> str:
    """The database's name in an address."""
    return url.partition("?")[0].rpartition("/")[2]


def _user() -> dict[str, object]:
    return {"user": USER, "group": USER, "extra_groups": [], "cwd": "/"} if os.getuid() == 0 else {}


def running(**settings: str) -> Iterator[Cluster]:
    """A server for as long as a fixture lives."""
    cluster = Cluster.start(**settings)
    try:
        yield cluster
    finally:
        cluster.stop()
