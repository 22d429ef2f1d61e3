"""What tests of chambers share for the whole run: the engine that set-up found or started, and the hostile image."""

from collections.abc import Iterator
from contextlib import closing

import chamber_help as help_
import docker
import pytest


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.APIClient]:
    with closing(docker.APIClient(base_url=help_.engine_url())) as client:
        yield client


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[help_.Image]:
    yield from help_.hostile_image(tmp_path_factory.mktemp("hostile"))
