"""A node whose holder promises profile `strict`, end to end: real registry, Celery, cells whose root is in memory."""

from collections.abc import Iterator
from pathlib import Path

import chamber_help as help_
import pytest
from node_lab import Lab
from running_lab import named_redis, running_lab

from sandbox.actions.node import ROOTS
from sandbox.settings import default_run_directory

pytestmark = [pytest.mark.docker, pytest.mark.slow]

STRICT = {"profile": "strict", "timing": "padded", "lanes": 1, "epoch_seconds": 2}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    redis = named_redis()
    help_.supervisor()
    with running_lab(tmp_path, redis, **STRICT) as lab:
        yield lab


def test_strict_node_releases_what_its_receipt_and_release_call_strict(lab: Lab) -> None:
    order = lab.order(lab.algorithm({"share": 0.5}, slot_milliseconds=2_000), blocks=2)

    receipt = lab.receipt(order)

    release = lab.release(order, receipt)
    assert (receipt.decision, receipt.timing, receipt.profile) == ("released", "padded", "strict")
    assert any("kernel-state channels between chambers are closed" in words for words in release.assumptions)
    assert release.outputs[0].noise_interval.low <= 0.5 <= release.outputs[0].noise_interval.high
    [root] = (default_run_directory(lab.node) / ROOTS).iterdir()  # that is where its chambers ran
    assert (root / "run").is_file()
