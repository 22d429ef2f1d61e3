"""Node and registry on PostgreSQL, end to end: an order is paid and answered once, though the worker was killed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_lab import Lab, wait_for
from postgresql import Cluster
from running_lab import named_redis, running_lab

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture
def lab(tmp_path: Path, postgres: Cluster) -> Iterator[Lab]:
    databases = {"node_database": postgres.create(), "registry_database": postgres.create()}
    with running_lab(tmp_path, named_redis(), databases) as made:
        yield made


def test_orders_are_paid_and_answered_once_whatever_dies(lab: Lab) -> None:
    quick = lab.order(lab.algorithm({"share": 0.5}))
    released = lab.receipt(quick)
    slow = lab.order(lab.algorithm({"share": 0.5}, seconds=1), blocks=6)
    wait_for(lambda: (lab.job(slow) or {}).get("state") == "running" or None, 60, "the first chambers")
    for process in lab.workers():
        os.kill(process, signal.SIGKILL)

    receipts = [released, lab.receipt(slow, seconds=120)]

    assert [receipt.decision for receipt in receipts] == ["released", "released"]
    assert [lab.release(receipt.order, receipt).order for receipt in receipts] == [quick, slow]
    assert [entry["order"] for entry in lab.ledger()["entries"]] == [quick, slow]
    assert not list(lab.folder.rglob("*.db"))  # neither program kept anything in a file instead
