"""The hostile image, for attacks that run through real chambers."""

from collections.abc import Iterator

import chamber_help as help_
import pytest


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[help_.Image]:
    yield from help_.hostile_image(tmp_path_factory.mktemp("hostile"))
