"""What tests share for the whole run: databases, the engine that set-up found or started, and the hostile image."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import chamber_help as help_
import docker
import postgresql
import pytest
from databases import Database, Postgresql, Sqlite


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgresql", action="store_true", help="run what else runs on SQLite on PostgreSQL")


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgresql.Cluster]:
    """A PostgreSQL server of our own, started when the first test asks for it."""
    yield from postgresql.running()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database: the test runs on both kinds."""
    if request.param == "sqlite":
        return Sqlite(tmp_path / "node.db")
    cluster: postgresql.Cluster = request.getfixturevalue("postgres")
    return Postgresql(cluster, cluster.create())


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.APIClient]:
    with closing(docker.APIClient(base_url=help_.engine_url())) as client:
        yield client


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[help_.Image]:
    yield from help_.hostile_image(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="session")
def usual_database(request: pytest.FixtureRequest) -> Callable[[Path], Database]:
    """A new database of the kind that this run is about; SQLite's is in the file named."""
    if not request.config.getoption("--postgresql"):
        return Sqlite
    cluster: postgresql.Cluster = request.getfixturevalue("postgres")
    return lambda _path: Postgresql(cluster, cluster.create())
