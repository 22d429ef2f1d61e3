"""Whose turn it is: the rules over many states, and a node whose orders of two projects wait for each other's end."""

import datetime as dt
import random
from collections import Counter
from typing import Any

import pytest

from sandbox.actions.sweep import sweep
from sandbox.actions.why import explain_job
from sandbox.domain.turns import (
    CODES,
    Limits,
    Need,
    Reserved,
    Standing,
    Waiting,
    check_room,
    check_size,
    check_turn,
    need_of,
    whose_turn,
)
from sandbox.errors import Held

NOW = dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.UTC)
SMALL = Need(memory=10, staging=10)


def limits(**changes: Any) -> Limits:
    return Limits(**{"at_once": 2, "per_project": 2, "memory": 100, "staging": 100, **changes})


def queue(**counts: int) -> list[Waiting]:
    """So many orders of each project, one project after the other."""
    projects = [project for project, count in counts.items() for _ in range(count)]
    return [Waiting(job=f"{project}{n}", number=n, project=project) for n, project in enumerate(projects)]


def run_through(waiting: list[Waiting], bounds: Limits, seed: int) -> list[str]:
    """Charge in turn, end jobs at random, until all were charged; the projects in the order of their charges."""
    chance, running, served, order = random.Random(seed), [], {}, []
    waiting = list(waiting)
    for moment in range(10 * len(waiting) + 10):
        standing = Standing(waiting=waiting, reserved=running, served=served)
        following = whose_turn(standing, bounds)
        if following is None:
            running.pop(chance.randrange(len(running)))
            continue
        check_turn(following, standing, bounds)
        waiting.remove(following)
        running.append(Reserved(project=following.project, need=SMALL))
        served[following.project] = NOW + dt.timedelta(seconds=moment)
        order.append(following.project)
        assert len(running) <= bounds.at_once
        assert max(Counter(one.project for one in running).values()) <= bounds.per_project
        if not waiting:
            return order
    raise AssertionError("somebody waits for ever")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_project_with_two_hundred_orders_does_not_keep_the_first_of_another_waiting(seed: int, at_once: int) -> None:
    order = run_through(queue(big=200, small=3), limits(at_once=at_once, per_project=at_once), seed)
    assert order.index("small") <= 1
    assert [place for place, project in enumerate(order) if project == "small"][-1] <= 3 * (at_once + 1)


def test_orders_of_one_project_are_charged_in_the_order_of_their_arrival() -> None:
    waiting = queue(only=3)
    standing = Standing(waiting=waiting[::-1], reserved=(), served={})
    assert whose_turn(standing, limits()) == waiting[0]


def test_higher_priority_goes_first() -> None:
    order = run_through(queue(usual=20, urgent=5), limits(priorities={"urgent": 1}), 1)
    assert order[:5] == ["urgent"] * 5


def test_project_at_its_limit_is_passed_over_and_holds_nobody_up() -> None:
    busy = [Reserved(project="big", need=SMALL)]
    waiting = queue(big=1, small=1)
    standing = Standing(waiting=waiting, reserved=busy, served={})
    bounds = limits(at_once=5, per_project=1, priorities={"big": 9})
    assert whose_turn(standing, bounds) == waiting[1]
    with pytest.raises(Held) as caught:
        check_turn(waiting[0], standing, bounds)
    assert caught.value.code == "project-busy"


@pytest.mark.parametrize(
    ("me", "running", "code"), [(0, 0, None), (0, 2, "node-busy"), (1, 0, "not-your-turn"), (0, 1, None)]
)
def test_each_order_that_waits_says_why(me: int, running: int, code: str | None) -> None:
    waiting = queue(one=2)
    standing = Standing(waiting=waiting, reserved=[Reserved(project="other", need=SMALL)] * running, served={})
    if code is None:
        check_turn(waiting[me], standing, limits())
        return
    with pytest.raises(Held) as caught:
        check_turn(waiting[me], standing, limits())
    assert caught.value.code == code
    assert code in CODES


@pytest.mark.parametrize(
    ("need", "reserved", "code"),
    [
        (Need(memory=100, staging=100), [], None),
        (Need(memory=90, staging=90), [SMALL], None),
        (Need(memory=91, staging=1), [SMALL], "memory-reserved"),
        (Need(memory=1, staging=91), [SMALL], "staging-reserved"),
        (Need(memory=81, staging=1), [SMALL, SMALL], "memory-reserved"),
        (Need(memory=101, staging=1), [], "job-too-large"),
        (Need(memory=1, staging=101), [], "job-too-large"),
    ],
)
def test_room_is_never_promised_twice(need: Need, reserved: list[Need], code: str | None) -> None:
    standing = [Reserved(project="other", need=one) for one in reserved]
    try:
        check_size(need, limits())
        check_room(need, standing, limits())
        said = None
    except Held as held:
        said = held.code
    assert said == code


def test_need_is_the_limit_and_from_public_facts_alone() -> None:
    facts = {"chambers": 4, "lanes": 2, "memory": 100, "output": 4097, "people": 10, "columns": 1, "whole": 999}
    assert need_of(**facts, sites=0) == Need(memory=200, staging=4 * 6 * 4096 + 12 * 64 * 2)
    assert need_of(**facts, sites=3).staging == 4 * 6 * 4096 + 12 * 64 * 2 + 3 * (12 * 4 + 4 * 512)
    assert need_of(**facts, sites=None).staging == 999
    assert need_of(**{**facts, "lanes": 64}, sites=0).memory == 400
    assert need_of(**{**facts, "chambers": 0}, sites=0) == Need(memory=0, staging=0)


# On a node


def with_limits(kit: Any, **changes: Any) -> None:
    from dataclasses import replace

    kit.node = replace(kit.node, limits=replace(kit.node.limits, **changes))


def padded(kit: Any, **changes: Any) -> None:
    kit.with_policy(timing="padded", epoch_seconds=60)
    with_limits(kit, **changes)


def test_order_that_waits_for_its_turn_is_charged_when_the_schedule_of_the_one_before_is_over(kit: Any) -> None:
    padded(kit, at_once=1)
    first, second = kit.take(), kit.take()
    running = kit.tick(first)
    row = kit.tick(second)
    assert (row.state, row.code) == ("verified", "node-busy")
    assert "as many as it may" in explain_job(kit.node.store, second, kit.clock())["because"]

    while kit.row(first).state != "sealed":
        kit.clock.at = max(kit.clock.at, kit.row(first).due_at)
        kit.tick(first)
    assert kit.clock.at < running.slots_end_at
    sweep(kit.node)
    assert kit.row(second).due_at > kit.clock.at  # sealed early, and still nobody's turn
    kit.clock.at = running.slots_end_at
    sweep(kit.node)
    assert kit.row(second).due_at == kit.clock.at
    assert second in kit.rings()
    assert kit.tick(second).charged_at is not None


def test_end_of_a_job_wakes_the_next_in_turn(kit: Any) -> None:
    with_limits(kit, at_once=1)
    kit.lose(times=1)
    first, second, third = kit.take(), kit.take(), kit.take()
    assert kit.tick(first).state == "charged"  # and waits for another try
    assert [kit.tick(order).code for order in (second, third)] == ["node-busy", "node-busy"]
    assert kit.finish(first).state == "reported"
    assert (kit.row(second).due_at <= kit.clock.at, kit.row(third).due_at <= kit.clock.at) == (True, False)
    assert kit.finish(second).state == "reported"
    assert kit.finish(third).state == "reported"


@pytest.mark.parametrize(("what", "code"), [("memory", "memory-reserved"), ("staging", "staging-reserved")])
def test_job_waits_for_room_and_one_that_never_fits_says_so(kit: Any, what: str, code: str) -> None:
    padded(kit)
    first = kit.take()
    need = kit.tick(first).terms["need"][what]
    with_limits(kit, **{what: 2 * need - 1})
    row = kit.tick(kit.take())
    assert (row.state, row.code) == ("verified", code)
    with_limits(kit, **{what: need - 1})
    row = kit.tick(kit.take(order={"nonce": "f" * 32}))
    assert (row.state, row.code) == ("held", "job-too-large")
    assert f"{what}_bytes" in row.sentence


def test_machine_says_what_it_has(kit: Any) -> None:
    from sandbox.worker.machine import machine_memory, memory_for_chambers, memory_for_staging

    staging = memory_for_staging(kit.folder)
    assert 0 < staging <= machine_memory() // 4
    assert staging + memory_for_chambers() < machine_memory()
