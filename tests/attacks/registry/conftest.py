"""One taken-over registry for all cases, with one node's directory that each case copies."""

from collections.abc import Iterator

import pytest
from attacks.registry.place import Place, Stage, make_place


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = make_place(tmp_path_factory.mktemp("taken"))
    yield made
    made.hub.close()


@pytest.fixture
def stage(place: Place) -> Iterator[Stage]:
    with place.stage() as stage:
        yield stage
