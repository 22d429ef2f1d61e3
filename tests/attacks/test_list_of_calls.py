"""The list of calls as the kernel applies it, beside the engine's own: ours allows less."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack

import chamber_help as help_
import docker
import pytest
from seccomp_filters import ALLOW, filter_of, numbers_of, verdict

from sandbox.domain.chamber import Profile

Program = list[tuple[int, int, int, int]]
CALLS = range(600)


@pytest.fixture
def filters(engine: docker.APIClient, image: help_.Image, hall: help_.Hall) -> Iterator[tuple[Program, Program]]:
    """Our filter and the engine's, read back from two containers that hold nothing else."""
    if os.geteuid() != 0:
        pytest.skip("only root may read filters back from the kernel")
    with ExitStack() as stack:
        yield (
            started(engine, hall, stack, [f"seccomp={help_.list_of_calls(Profile.STANDARD)}"]),
            started(engine, hall, stack, []),
        )


def started(engine: docker.APIClient, hall: help_.Hall, stack: ExitStack, options: list[str]) -> Program:
    """The filter of a container that does nothing; it is gone when the stack is."""
    host = engine.create_host_config(
        network_mode="none", cap_drop=["ALL"], security_opt=["no-new-privileges:true", *options]
    )
    code = ["/usr/bin/python3", "-I", "-S", "-c", "import signal; signal.pause()"]
    name = engine.create_container(hall.image_id, entrypoint=code, network_disabled=True, host_config=host)["Id"]
    stack.callback(engine.remove_container, name, v=True, force=True)
    engine.start(name)
    return filter_of(engine.inspect_container(name)["State"]["Pid"])


def restricted_numbers() -> set[int]:
    """The numbers of the calls that are allowed with some arguments only."""
    rules = json.loads(help_.list_of_calls(Profile.STANDARD))["syscalls"]
    return numbers_of({name for rule in rules if rule.get("args") for name in rule["names"]})


def values() -> list[int]:
    """Every argument that our list names, and some that it does not."""
    named = {
        argument["value"]
        for rule in json.loads(help_.list_of_calls(Profile.STANDARD))["syscalls"]
        for argument in rule.get("args", [])
    }
    return sorted(named | {0, 1, 17, 1 << 28, 1 << 32, (1 << 64) - 1, 0xFFFFFFFF})


def allowed(program: Program) -> set[tuple[int, tuple[int, ...]]]:
    """The calls that a filter lets through: each without arguments, and those that the list restricts with each of
    those values in each place.
    """
    cases = {
        tuple(value if place == spot else 0 for place in range(spot + 1)) for value in values() for spot in range(6)
    }
    calls = [(number, (0,)) for number in CALLS]
    calls += [(number, case) for number in restricted_numbers() for case in cases]
    return {(number, case) for number, case in calls if verdict(program, number, case) == ALLOW}


def test_list_is_a_strict_subset_of_the_engine_s(filters: tuple[Program, Program]) -> None:
    ours, theirs = map(allowed, filters)

    assert ours - theirs == set()
    assert {number for number, _ in theirs} - {number for number, _ in ours} >= {
        41,
        101,
        425,
    }  # socket, ptrace, io_uring
    assert len(ours) < len(theirs)


def test_limit_of_core_dumps_cannot_be_named_in_another_way(filters: tuple[Program, Program]) -> None:
    """The kernel looks at 32 bits of the resource, the filter at 64."""
    ours, _ = filters
    new_limit = 1 << 40

    for resource in (4, 4 | 1 << 32, 4 | 1 << 63):
        assert verdict(ours, 160, (resource, new_limit)) != ALLOW
        assert verdict(ours, 302, (0, resource, new_limit)) != ALLOW
    assert verdict(ours, 302, (0, 4, 0)) == verdict(ours, 302, (0, 7, new_limit)) == ALLOW
