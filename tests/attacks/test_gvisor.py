"""The battery once more where the OCI runtime brings a kernel of its own: gVisor, engine `container`.

What a call answers there differs from Linux; what must hold does not: the neighbour is unharmed, nothing that would be
an escape is done, an attack that must yield nothing yields nothing, and nothing of it is left.
"""

import json
import os
import uuid
from collections.abc import Iterator

import chamber_help as help_
import docker
import pytest

HONEST = help_.HONEST
ENDLESS = ("fork_bomb", "flood_streams", "never_ends", "ignores_signals")


@pytest.fixture
def hall(engine: docker.APIClient, image: help_.Image) -> Iterator[help_.Hall]:
    if not help_.offers("runsc"):
        pytest.skip("the engine offers no OCI runtime runsc: install the package runsc, `make clean`, and run again")
    runtime, job = help_.engine_runtime("container", f"gvisor-{os.getpid()}"), f"gvisor-{uuid.uuid4().hex}"
    for directory in help_.run_directory():
        image_id = runtime.load_image(image.archive, image.identity)
        hall = help_.Hall(runtime, image_id, directory, job, oci_runtime="runsc")
        try:
            yield hall
            help_.check_nothing_left(hall, engine, job)
        finally:
            runtime.reap(())


@pytest.mark.parametrize("attack", ["memory_bomb", "memory_bomb_in_child", "output_flood", "output_too_long"])
def test_attack_yields_nothing_and_harms_nobody(hall: help_.Hall, attack: str) -> None:
    assert hall.run([attack, "honest"]) == [None, HONEST]


@pytest.mark.parametrize("attack", ENDLESS)
def test_endless_attack_is_killed_when_its_slot_ends(hall: help_.Hall, attack: str) -> None:
    assert hall.run([attack, "honest"], slot_seconds=hall.short_slot()) == [None, HONEST]


@pytest.mark.parametrize("attack", ["fork_bomb_and_leave", "daemon"])
def test_what_is_left_behind_dies_with_the_first_process(hall: help_.Hall, attack: str) -> None:
    outcome, neighbour = hall.run([attack, "honest"])

    assert outcome in (HONEST, None)  # gVisor says of a chamber that leaves others behind that it was killed
    assert neighbour == HONEST


@pytest.mark.parametrize("role", ["output_replaced", "write_root", "calls"])
def test_nothing_that_would_be_an_escape_is_done(hall: help_.Hall, role: str) -> None:
    report, neighbour = hall.run([role, "honest"], output_bytes=65536)

    assert neighbour == HONEST
    assert report is not None
    assert "done" not in json.loads(report).values()


@pytest.mark.parametrize(("role", "entrypoint"), [("signals", help_.ENTRYPOINT), ("attempts", help_.PROBES)])
def test_chamber_that_may_end_itself_ends_nobody_else(hall: help_.Hall, role: str, entrypoint: tuple[str, ...]) -> None:
    """There a program may kill the first process, which is its own end."""
    outcome, neighbour = hall.run([role, "honest"], entrypoint=entrypoint, output_bytes=65536)

    assert outcome is None
    assert neighbour == HONEST


def test_no_network_and_no_other_chamber(hall: help_.Hall) -> None:
    roles = ["network", "neighbours", "honest"]

    *reports, neighbour = hall.run(roles, output_bytes=65536)

    network, neighbours = (json.loads(report or b"{}") for report in reports)
    assert neighbour == HONEST
    assert "done" not in (network["address"], network["name"])
    mine = {"/mnt/input/data/role", "/mnt/input/data/secret", "/mnt/input/input.json", "/mnt/output/result.json"}
    assert set(neighbours["files"]) == mine
