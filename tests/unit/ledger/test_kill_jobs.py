"""Workers are killed at random instants on the way from the charge to the seal; the bench `ledger_kills` is longer.

That no kill of 36 meets a charged job has a chance below 1e-8: about every second one does.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from databases import Postgresql
from kill_course import run_course
from kill_place import KillPlace
from postgresql import Cluster

ORDERS, AFFORDABLE = 36, 30


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Iterator[KillPlace]:
    database = None
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        database = Postgresql(cluster, cluster.create())
    with TemporaryDirectory(prefix="safeconduct-test-") as folder:
        made = KillPlace(Path(folder), ORDERS, AFFORDABLE, seed=7, database=database)
        yield made
        made.close()


def test_kills_lose_and_double_nothing_and_a_restore_answers_nothing_twice(place: KillPlace) -> None:
    run_course(place, rounds=3, kills=12, longest_seconds=0.12, affordable=AFFORDABLE)

    assert place.kills == 36
    assert place.met  # the kills met work, not only starts
