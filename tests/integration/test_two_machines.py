"""A node that outgrew one machine: two workers with addresses and engines of their own, one of them cut off mid-job."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from killable_engine import KillableEngine
from node_lab import wait_for
from postgresql import Cluster
from two_machines import Network, TwoMachines, is_possible

pytestmark = [pytest.mark.docker, pytest.mark.slow]

SECONDS = 20  # of each chamber: one that was cut off has given it up before it would have ended by itself


@pytest.fixture
def place(tmp_path: Path) -> Iterator[TwoMachines]:
    if reason := is_possible():
        pytest.skip(reason)
    with ExitStack() as stack:
        network = stack.enter_context(closing(Network(TwoMachines.names)))
        postgres = Cluster.start(listen_addresses=network.address)
        stack.callback(postgres.stop)
        postgres.admit(network.range)
        engines = {}
        for name in TwoMachines.names:
            (tmp_path / f"engine-{name}").mkdir()
            engines[name] = stack.enter_context(closing(KillableEngine(tmp_path / f"engine-{name}")))
        made = stack.enter_context(closing(TwoMachines(tmp_path, network, postgres, engines)))
        made.start()
        yield made


def test_machine_cut_off_amid_a_job_costs_time_only(place: TwoMachines) -> None:
    place.order(6, seconds=1)
    place.finish(60)
    assert all(place.jobs_of(name, "reported") for name in place.names)  # both did work

    place.order(4, seconds=SECONDS, slot_milliseconds=2000 * SECONDS)
    wait_for(lambda: (place.jobs_of("a", "running") and place.containers("a")) or None, 30, "a chamber on a")
    lost = place.jobs_of("a", "charged", "staged", "running")
    place.network.cut("a")
    wait_for(lambda: set(lost) <= set(place.jobs_of("b", "charged", "staged", "running")) or None, 60, "b takes over")
    assert place.containers("a") == []  # no two attempts at one job ran at once
    assert "cut-off" in (place.folder / "a.log").read_text()  # it gave them up
    assert set(lost) & set(place.staged("a"))
    place.finish(60)
    place.network.mend("a")
    wait_for(lambda: "a" in place.living() or None, 40, "the return of a")

    place.check()
