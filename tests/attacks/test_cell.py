"""What a cell must hold beyond a container: its chambers come one after another, beside a supervisor with rights."""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import chamber_help as help_
import docker
import pytest
from structlog.testing import capture_logs

from sandbox.chambers import cell_flags
from sandbox.chambers.cell import CellRuntime
from sandbox.chambers.preferred import PreferredRuntime
from sandbox.domain.chamber import Timing
from sandbox.errors import InfrastructureLost

HONEST = help_.HONEST
MINE = {"/mnt/input/data/role", "/mnt/input/data/secret", "/mnt/input/input.json", "/mnt/output/result.json"}


@pytest.fixture
def cells() -> CellRuntime:
    return CellRuntime(help_.engine_url(), f"cells-{os.getpid()}", help_.supervisor())


@pytest.fixture
def hall(cells: CellRuntime, engine: docker.APIClient, image: help_.Image) -> Iterator[help_.Hall]:
    job = f"cell-{uuid.uuid4().hex}"
    for directory in help_.run_directory():
        hall = help_.Hall(cells, cells.load_image(image.archive, image.identity), directory, job)
        try:
            yield hall
            help_.check_nothing_left(hall, engine, job)
        finally:
            cells.reap(())


@pytest.mark.parametrize("before", ["fill_tmp", "daemon", "fork_bomb_and_leave", "output_flood", "memory_bomb"])
def test_next_chamber_finds_nothing_of_the_one_before(hall: help_.Hall, before: str) -> None:
    outcomes = hall.run([before, "neighbours", "honest"], lanes=1)

    assert set(json.loads(outcomes[1] or b"")["files"]) == MINE
    assert outcomes[2] == HONEST


def test_memory_that_one_chamber_filled_is_free_for_the_next(hall: help_.Hall) -> None:
    outcomes = hall.run(["fill_tmp", "honest"] * 8, lanes=1, memory_bytes=96 << 20)

    assert outcomes[1::2] == [HONEST] * 8


def test_endless_chamber_does_not_move_the_starts_after_it(hall: help_.Hall) -> None:
    roles = ["never_ends", "honest", "fork_bomb", "honest"]
    plan = hall.plan(roles, lanes=1, timing=Timing.PADDED, slot_seconds=6, start_at=help_.in_seconds(1))

    assert hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(60)) == 4

    assert hall.runtime.collect(hall.outputs, 4) == [None, HONEST, None, HONEST]
    assert help_.in_seconds(0) >= plan.slot(3)[0]


def test_machine_that_forbids_mounts_is_found_out_before_any_chamber(
    hall: help_.Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cell_flags, "_CAPABILITIES", [])

    with pytest.raises(InfrastructureLost, match="cell-forbidden"):
        hall.run(["honest"])

    assert not list(hall.outputs.glob("*.*"))


def test_where_cells_are_forbidden_chambers_get_containers(hall: help_.Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_flags, "_CAPABILITIES", [])
    node = f"cells-{os.getpid()}"
    hall.runtime = PreferredRuntime(hall.runtime, lambda: help_.engine_runtime("container", node))

    with capture_logs() as said:
        assert hall.run(["honest", "neighbours"])[0] == HONEST

    assert [line["code"] for line in said if line["event"] == "containers-instead-of-cells"] == ["cell-forbidden"]


def test_supervisor_of_other_bytes_is_refused(image: help_.Image, hall: help_.Hall, tmp_path: Path) -> None:
    other = tmp_path / "supervisor"
    other.write_bytes(help_.supervisor().read_bytes() + b"\0")
    other.chmod(0o755)

    hall.runtime = CellRuntime(help_.engine_url(), f"cells-{os.getpid()}", other)

    with pytest.raises(InfrastructureLost, match="cell-supervisor"):
        hall.run(["honest"])


def test_blocks_that_do_not_lie_side_by_side_are_a_wrong_call(hall: help_.Hall) -> None:
    plan = hall.plan(["honest", "honest"])
    swapped = hall.plan(["honest", "honest"], block_dirs=tuple(reversed(plan.block_dirs)))

    with pytest.raises(RuntimeError, match="six-digit"):
        hall.runtime.run_slice(swapped, 0, hall.outputs, help_.in_seconds(60))
