"""A node on several machines: whose a job is, who is rung for it, what is taken over when, and what is left of it."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.actions.lease import take
from sandbox.actions.machine import Keeper
from sandbox.actions.relay import relay
from sandbox.actions.tick import tick
from sandbox.chambers.fake import Ending, FakeRuntime
from sandbox.domain.turns import Limits
from sandbox.errors import InfrastructureLost
from sandbox.store import job
from sandbox.store.machines import living
from sandbox.worker.app import queue_name

SECOND = dt.timedelta(seconds=1)
Machine = Callable[[str], Any]


class CountingRuntime(FakeRuntime):
    """Pretends that chambers of some attempts are there."""

    def __init__(self, *attempts: tuple[str, int]) -> None:
        super().__init__({})
        self.there = set(attempts)

    def attempts(self) -> set[tuple[str, int]]:
        return self.there

    def remove_below(self, job: str, fence: int) -> int:
        gone = {one for one in self.there if one[0] == job and one[1] < fence}
        self.there = self.there - gone
        return len(gone)

    def reap(self, live_jobs: Any) -> int:
        gone = {one for one in self.there if one[0] not in live_jobs}
        self.there = self.there - gone
        return len(gone)


@pytest.fixture
def at(kit: Any) -> Machine:
    """The node as another machine's worker opens it: with its own memory for staging."""

    def opened(name: str, **changes: Any) -> Any:
        places = replace(kit.node.places, run=kit.node.places.run / f".{name}")
        places.run.mkdir(mode=0o711, exist_ok=True)
        return replace(kit.node, machine=name, places=places, **changes)

    return opened


def keeper(node: Any) -> Keeper:
    """Keeps a machine that has just started."""
    return Keeper(node=node, heard_at=node.clock.now())


def slowly(kit: Any) -> None:
    """Let each chamber take eight seconds, so that a slice ends before its job does."""

    def program(_input: bytes, _block: Path) -> Ending:
        kit.clock.advance(8)
        return Ending(wrote=b'{"share": 0.5}')

    kit.chamber = program


def run_at(kit: Any, node: Any) -> str:
    """An order that was charged, staged and begun on a machine that then said that it lives."""
    slowly(kit)
    order = kit.take(order={"blocks": 8})
    tick(node, order, f"{node.machine}:1:1")
    assert kit.row(order).state == "running"
    keeper(node).keep()
    return order


def told(kit: Any) -> list[tuple[str, str | None]]:
    """Whom the relay rings for which job."""
    sent: list[tuple[str, str | None]] = []
    relay(kit.node, lambda *ring: sent.append(ring))
    return sent


def test_job_stays_with_the_machine_that_charged_it(kit: Any, at: Machine) -> None:
    order = run_at(kit, at("a"))
    assert kit.row(order).machine == "a"
    assert take(at("b"), order, "b:1:1") is None
    assert take(at("a"), order, "a:1:1") is not None


def test_living_machine_alone_is_rung_for_its_job(kit: Any, at: Machine) -> None:
    told(kit)
    order = run_at(kit, at("a"))
    assert told(kit) == [(order, "a")]


def test_ring_for_a_job_of_a_silent_machine_goes_to_all(kit: Any, at: Machine) -> None:
    order = run_at(kit, at("a"))
    kit.clock.at += kit.node.times.silence
    assert told(kit) == [(order, None)]


def test_job_that_was_not_charged_is_anybody_s(kit: Any, at: Machine) -> None:
    order = kit.take()
    keeper(at("a")).keep()
    assert take(at("a"), order, "a:1:1") is not None
    kit.clock.advance(21)
    assert take(at("b"), order, "b:1:1") is not None


def test_machine_takes_over_from_one_that_fell_silent_and_not_before(kit: Any, at: Machine) -> None:
    order = run_at(kit, at("a"))
    row, began = kit.row(order), kit.clock.at
    kit.clock.at = began + kit.node.times.silence - SECOND
    assert take(at("b"), order, "b:1:1") is None
    kit.clock.at = began + kit.node.times.silence
    held = take(at("b"), order, "b:1:1")
    assert held is not None
    assert (held.taken_over, held.run_fence > row.run_fence, kit.row(order).machine) == (True, True, "b")


def test_job_of_a_machine_that_is_gone_is_staged_anew_within_its_charge(kit: Any, at: Machine) -> None:
    order = run_at(kit, at("a"))
    kit.clock.at += kit.node.times.silence
    kit.chamber = lambda _input, _block: Ending(wrote=b'{"share": 0.5}')
    there = at("b")
    for _ in range(10):
        if (row := kit.row(order)).due_at is None:
            break
        kit.clock.at = max(kit.clock.at, row.due_at)
        tick(there, order, "b:1:1")
    assert (kit.row(order).state, kit.row(order).losses) == ("reported", 1)
    assert len(kit.registry.sent("releases")) == 1


def test_lease_of_a_living_machine_is_taken_over_on_that_machine_only(kit: Any, at: Machine) -> None:
    order = run_at(kit, at("a"))
    kit.clock.at = max(kit.clock.at, kit.row(order).due_at)
    assert take(at("a"), order, "a:1:1") is not None
    kit.clock.advance(21)  # the worker is dead, the machine is not
    keeper(at("a")).keep()
    assert take(at("b"), order, "b:1:1") is None
    held = take(at("a"), order, "a:1:2")
    assert held is not None
    assert held.taken_over


def test_keeper_says_that_the_machine_lives_only_if_its_engine_answers(kit: Any, at: Machine) -> None:
    keeper(at("a")).keep()

    class Broken(FakeRuntime):
        def attempts(self) -> Any:
            raise InfrastructureLost("engine-failed", "The engine is gone.")

    with pytest.raises(InfrastructureLost):
        keeper(at("b", start_runtime=lambda: Broken({}))).keep()
    with kit.node.store.reading() as session:
        assert living(session, kit.clock() - kit.node.times.silence) == {"a"}
        assert living(session, kit.clock()) == frozenset()


def test_keeper_removes_what_is_over_or_was_taken_over_and_nothing_else(kit: Any, at: Machine) -> None:
    order = run_at(kit, at("a"))
    kit.clock.at += kit.node.times.silence
    kit.chamber = lambda _input, _block: Ending(wrote=b'{"share": 0.5}')
    tick(at("b"), order, "b:1:1")  # what "a" staged is not here: lost, and due again
    kit.clock.at = max(kit.clock.at, kit.row(order).due_at)
    kit.lose(times=1)
    tick(at("b"), order, "b:1:1")  # staged here
    now, gone = kit.row(order).run_fence, "e" * 64
    runtime = CountingRuntime((order, now - 1), (order, now), (gone, 1))
    old = at("a", start_runtime=lambda: runtime)
    mine = str(kit.row(order).staged_fence)
    for name in (f"{gone}/1", f"{order}/{mine}", "alive", ".self-test"):
        (old.places.run / name).mkdir(parents=True)

    keeper(old).keep()

    assert runtime.there == {(order, now)}
    assert [path.name for path in (old.places.run / order).iterdir()] == [mine]
    assert {path.name for path in old.places.run.iterdir()} == {order, "alive", ".self-test"}


def test_cut_off_machine_gives_up_its_chambers_before_another_takes_its_jobs(kit: Any, at: Machine) -> None:
    order = run_at(kit, at("a"))
    keeper(at("b")).keep()
    runtime = CountingRuntime((order, 0))
    mine = keeper(at("a", start_runtime=lambda: runtime))
    mine.keep()
    began = kit.clock.at
    cut_off(kit, mine)
    kit.clock.at = began + kit.node.times.surrender - SECOND
    with pytest.raises(InfrastructureLost):
        mine.keep()
    assert runtime.there == {(order, 0)}
    kit.clock.at = began + kit.node.times.surrender
    with pytest.raises(InfrastructureLost):
        mine.keep()
    assert runtime.there == set()
    assert take(at("b"), order, "b:1:1") is None  # not yet


def test_machine_that_is_the_only_one_lets_its_chambers_run_while_the_database_is_away(kit: Any, at: Machine) -> None:
    order = run_at(kit, at("a"))
    runtime = CountingRuntime((order, 0))
    mine = keeper(at("a", start_runtime=lambda: runtime))
    mine.keep()
    cut_off(kit, mine)
    kit.clock.at += kit.node.times.silence
    with pytest.raises(InfrastructureLost):
        mine.keep()
    assert runtime.there == {(order, 0)}


def cut_off(kit: Any, mine: Keeper) -> None:
    """Let a machine reach the database no more."""

    class Gone:
        def transaction(self) -> Any:
            raise InfrastructureLost("database-unavailable", "The node's database does not answer.")

    mine.node = replace(mine.node, store=Gone())


def test_room_is_a_machine_s_own(kit: Any, at: Machine) -> None:
    kit.with_policy(timing="padded", epoch_seconds=60)
    first, second, third = kit.take(), kit.take(), kit.take()
    tick(at("a"), first, "a:1:1")
    need = kit.row(first).terms["need"]
    once = Limits(at_once=8, per_project=8, memory=need["memory"], staging=need["staging"])
    tick(at("a", limits=once), second, "a:1:1")
    assert (kit.row(second).state, kit.row(second).code) == ("verified", "memory-reserved")
    kit.clock.at = max(kit.clock.at, kit.row(second).due_at)
    tick(at("b", limits=once), second, "b:1:1")
    assert (kit.row(second).charged_at, kit.row(second).machine) == (kit.clock.at, "b")
    tick(at("a", limits=once), third, "a:1:1")
    assert kit.row(third).code == "memory-reserved"


def test_padded_jobs_queue_up_behind_those_of_their_own_machine_only(kit: Any, at: Machine) -> None:
    kit.with_policy(timing="padded", epoch_seconds=60)
    first, second, third = kit.take(), kit.take(), kit.take()
    for order, name in ((first, "a"), (second, "b"), (third, "a")):
        tick(at(name), order, f"{name}:1:1")
    assert kit.row(second).start_at < kit.row(first).slots_end_at <= kit.row(third).start_at


def test_each_machine_has_a_queue_beside_the_common_one() -> None:
    settings: Any = type("Settings", (), {"node": "node-fi"})()
    assert (queue_name(settings), queue_name(settings, "a")) == ("node-fi.tick", "node-fi.tick.a")


def test_jobs_of_an_older_version_are_anybody_s(kit: Any, at: Machine) -> None:
    order = run_at(kit, at("a"))
    with kit.node.store.transaction() as session:
        session.get_one(job.JobRow, order).machine = None
    assert take(at("b"), order, "b:1:1") is not None
