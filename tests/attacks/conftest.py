"""One hostile image and one runtime for the whole battery; after each attack the host is searched for what is left."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import chamber_help as help_
import docker
import pytest

from sandbox.chambers.cell import CellRuntime
from sandbox.chambers.runtime import ChamberRuntime
from sandbox.domain.chamber import Profile


@pytest.fixture(params=help_.ENGINES, scope="session")
def runtime(request: pytest.FixtureRequest) -> ChamberRuntime:
    return help_.engine_runtime(request.param, node=f"attacks-{os.getpid()}")


@pytest.fixture
def hall(runtime: ChamberRuntime, engine: docker.APIClient, image: help_.Image) -> Iterator[help_.Hall]:
    job = f"attack-{uuid.uuid4().hex}"
    for directory in help_.run_directory():
        image_id = runtime.load_image(image.archive, image.identity)
        hall = help_.Hall(runtime, image_id, directory, job)
        try:
            yield hall
            help_.check_nothing_left(hall, engine, job)
        finally:
            runtime.reap(())


@pytest.fixture
def roots() -> Iterator[Path]:
    yield from help_.run_directory()


@pytest.fixture
def strict_cells(roots: Path) -> CellRuntime:
    return CellRuntime(help_.engine_url(), f"strict-{os.getpid()}", help_.supervisor(), roots=roots / "roots")


@pytest.fixture
def strict_hall(strict_cells: CellRuntime, engine: docker.APIClient, image: help_.Image) -> Iterator[help_.Hall]:
    """Chambers of profile `strict`."""
    job = f"strict-{uuid.uuid4().hex}"
    for directory in help_.run_directory():
        image_id = strict_cells.load_image(image.archive, image.identity)
        hall = help_.Hall(strict_cells, image_id, directory, job, profile=Profile.STRICT)
        try:
            yield hall
            help_.check_nothing_left(hall, engine, job)
        finally:
            strict_cells.reap(())
