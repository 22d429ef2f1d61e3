"""A node whose holder promises profile `strict`, end to end: real registry, Celery, cells whose root is in memory."""

import os
from collections.abc import Iterator
from pathlib import Path

import chamber_help as help_
import pytest
from node_lab import Lab

from sandbox.actions.node import ROOTS
from sandbox.data.synthesise import synthesise
from sandbox.settings import default_run_directory

pytestmark = [pytest.mark.docker, pytest.mark.slow]

STRICT = {"profile": "strict", "timing": "padded", "lanes": 1, "epoch_seconds": 2}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    redis = os.environ.get("SAFECONDUCT_REDIS_URL")
    if not redis:
        pytest.skip("SAFECONDUCT_REDIS_URL names no Redis: run the tests with `make test`, which starts one")
    help_.supervisor()
    synthesise("FI", 400, 1, tmp_path)
    lab = Lab(tmp_path, redis)
    try:
        lab.start_registry()
        lab.make_node(tmp_path, blocks_minimum=2, block_people_minimum=20, **STRICT)
        lab.start_node()
        yield lab
    finally:
        lab.close()


def test_strict_node_releases_what_its_receipt_and_release_call_strict(lab: Lab) -> None:
    order = lab.order(lab.algorithm({"share": 0.5}, slot_milliseconds=2_000), blocks=2)

    receipt = lab.receipt(order)

    release = lab.release(order, receipt)
    assert (receipt.decision, receipt.timing, receipt.profile) == ("released", "padded", "strict")
    assert any("kernel-state channels between chambers are closed" in words for words in release.assumptions)
    assert release.outputs[0].noise_interval.low <= 0.5 <= release.outputs[0].noise_interval.high
    [root] = (default_run_directory(lab.node) / ROOTS).iterdir()  # that is where its chambers ran
    assert (root / "run").is_file()
