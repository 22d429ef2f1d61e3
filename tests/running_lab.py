"""A lab that runs: registry and node with 400 synthetic people; whatever happens, both end with it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from node_lab import Lab

from sandbox.data.synthesise import synthesise

PEOPLE = 400
NO_DATABASES: Mapping[str, str] = {}  # of their own: node and registry then keep files


def named_redis() -> str:
    """The Redis of this run's set-up."""
    redis = os.environ.get("SAFECONDUCT_REDIS_URL")
    if not redis:
        pytest.skip("SAFECONDUCT_REDIS_URL names no Redis: run the tests with `make test`, which starts one")
    return redis


@contextmanager
def running_lab(folder: Path, redis: str, databases: Mapping[str, str] = NO_DATABASES, **policy: Any) -> Iterator[Lab]:
    """`databases` are addresses for `Lab`, `policy` changes to the holder's numbers."""
    (folder / "data").mkdir()
    synthesise("FI", PEOPLE, 1, folder / "data")
    lab = Lab(folder, redis, **databases)
    try:
        lab.start_registry()
        lab.make_node(folder / "data", blocks_minimum=2, block_people_minimum=20, **policy)
        lab.start_node()
        yield lab
    finally:
        lab.close()
