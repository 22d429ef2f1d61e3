"""What every chamber runtime promises (`ChamberRuntime`'s docstring), run against each of them."""

import json
import os
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import chamber_help as help_
import pytest

from protocol.errors import Refused
from sandbox.chambers.fake import Ending, FakeRuntime, Program
from sandbox.chambers.runtime import ChamberRuntime
from sandbox.domain.chamber import Timing
from sandbox.errors import InfrastructureLost

HONEST = help_.HONEST
LIMIT = 4096


def _pretended(input_json: bytes, block: Path) -> Ending:
    """The hostile image's roles that this suite uses, as the fake pretends them."""
    files = {path.name: path.read_text() for path in sorted(block.iterdir())}
    seen = json.dumps({"input": json.loads(input_json), "files": files}).encode()
    return {
        "honest": Ending(wrote=HONEST),
        "block": Ending(wrote=seen),
        "silent": Ending(),
        "fails": Ending(wrote=HONEST, exit_code=3),
        "dies": Ending(wrote=HONEST, exit_code=137),
        "memory_bomb": Ending(wrote=HONEST, exit_code=137, out_of_memory=True),
        "memory_bomb_in_child": Ending(wrote=HONEST, out_of_memory=True),
        "output_too_long": Ending(wrote=b"1" * 100_000),
        "never_ends": Ending(wrote=HONEST, seconds=3600),
    }[files["role"]]


_PROGRAMS: dict[tuple[str, ...], Program] = {help_.ENTRYPOINT: _pretended}


@pytest.fixture(params=["fake", *help_.ENGINES, "gvisor"], scope="module")
def kind(request: pytest.FixtureRequest) -> str:
    """Which implementation; gVisor is the engine `container` with another OCI runtime."""
    if request.param == "gvisor" and not help_.offers("runsc"):
        pytest.skip("the engine offers no OCI runtime runsc: install the package runsc, `make clean`, and run again")
    return str(request.param)


@pytest.fixture(scope="module")
def runtime(kind: str) -> ChamberRuntime:
    if kind == "fake":
        return FakeRuntime(_PROGRAMS)
    return help_.engine_runtime("container" if kind == "gvisor" else kind, f"contract-{os.getpid()}")


@pytest.fixture
def directory() -> Iterator[Path]:
    yield from help_.run_directory()


@pytest.fixture
def hall(kind: str, runtime: ChamberRuntime, image: help_.Image, directory: Path) -> Iterator[help_.Hall]:
    job, oci_runtime = f"contract-{uuid.uuid4().hex}", "runsc" if kind == "gvisor" else "runc"
    image_id = runtime.load_image(image.archive, image.identity)
    yield help_.Hall(runtime, image_id, directory, job, oci_runtime=oci_runtime)
    runtime.reap(())


def test_chamber_that_ends_well_yields_its_bytes(hall: help_.Hall) -> None:
    assert hall.run(["honest"]) == [HONEST]


def test_chamber_sees_its_own_block_and_the_input(hall: help_.Hall) -> None:
    outcomes = hall.run(["block", "block"])

    seen = [json.loads(outcome or b"") for outcome in outcomes]
    assert [item["files"]["secret"] for item in seen] == ["secret of block 0", "secret of block 1"]
    assert [item["input"] for item in seen] == [{"parameters": {}}] * 2


@pytest.mark.parametrize("role", ["silent", "fails", "dies", "output_too_long", "memory_bomb", "memory_bomb_in_child"])
def test_chamber_that_ends_badly_yields_nothing(hall: help_.Hall, role: str) -> None:
    assert hall.run([role, "honest"]) == [None, HONEST]


def test_chamber_that_does_not_end_yields_nothing(hall: help_.Hall) -> None:
    assert hall.run(["never_ends", "honest"], slot_seconds=hall.short_slot()) == [None, HONEST]


def test_empty_block_is_not_run(hall: help_.Hall) -> None:
    assert hall.run([None, "honest", None]) == [None, HONEST, None]


def test_padded_chambers_are_read_by_the_ends_of_their_slots(hall: help_.Hall) -> None:
    slot = hall.short_slot()
    plan = hall.plan(
        ["honest", "never_ends", None, "honest"],
        timing=Timing.PADDED,
        slot_seconds=slot,
        start_at=help_.in_seconds(0.2),
    )

    done = hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(250))

    assert done == 4
    assert hall.runtime.collect(hall.outputs, 4) == [HONEST, None, None, HONEST]
    assert help_.in_seconds(0) >= plan.slot(3)[0]


def test_padded_chamber_whose_start_was_missed_yields_nothing(hall: help_.Hall) -> None:
    slot = hall.short_slot()

    outcomes = hall.run(
        ["honest", "honest"],
        timing=Timing.PADDED,
        slot_seconds=slot,
        start_at=help_.in_seconds(-0.75 * slot),
        lanes=1,
    )

    assert outcomes == [None, HONEST]


def test_slice_that_ends_before_the_next_slot_starts_nothing(hall: help_.Hall) -> None:
    plan = hall.plan(["honest"], timing=Timing.PADDED, start_at=help_.in_seconds(30))

    assert hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(1)) == 0


def test_next_slice_goes_on_where_the_last_one_ended(hall: help_.Hall) -> None:
    plan = hall.plan(["honest", "honest"])

    assert hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(-1)) == 0
    assert hall.runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(250)) == 2
    assert hall.runtime.collect(hall.outputs, 2) == [HONEST, HONEST]


def test_outcome_is_never_replaced(hall: help_.Hall) -> None:
    hall.run(["honest"])

    assert hall.run([None]) == [HONEST]


def test_collecting_before_all_have_an_outcome_is_a_wrong_call(hall: help_.Hall) -> None:
    hall.run(["honest"])

    with pytest.raises(RuntimeError):
        hall.runtime.collect(hall.outputs, 2)


def test_outputs_on_a_disk_are_refused(hall: help_.Hall, tmp_path: Path) -> None:
    if Path("/proc/self/mountinfo").read_text().count(f" {tmp_path} "):
        pytest.skip("the tests' temporary directory is on tmpfs here")

    with pytest.raises(InfrastructureLost, match="outputs-not-on-tmpfs"):
        hall.runtime.run_slice(hall.plan(["honest"]), 0, tmp_path, help_.in_seconds(250))


def test_image_that_is_not_loaded_is_the_machines_failure(hall: help_.Hall) -> None:
    with pytest.raises(InfrastructureLost, match="image-missing"):
        hall.run(["honest"], image_id=f"sha256:{'0' * 64}")


def test_archive_with_another_identity_is_refused(runtime: ChamberRuntime, image: help_.Image) -> None:
    other = image.identity.model_copy(update={"config_digest": f"sha256:{'0' * 64}", "manifest_digest": None})

    with pytest.raises(Refused, match="image-mismatch"):
        runtime.load_image(image.archive, other)


def test_loaded_image_is_found(runtime: ChamberRuntime, image: help_.Image) -> None:
    loaded = runtime.load_image(image.archive, image.identity)

    assert runtime.find_image(image.identity) == loaded
    assert runtime.find_image(image.identity.model_copy(update={"layers": image.identity.layers[:1]})) is None


def test_removing_where_nothing_is_left_removes_nothing(hall: help_.Hall) -> None:
    hall.run(["honest"])

    assert hall.runtime.remove_below("no-such-job", 7) == 0
    assert hall.runtime.reap(()) == 0


def test_start_of_a_slot_does_not_depend_on_the_chamber_before() -> None:
    plan = help_.Hall(FakeRuntime({}), f"sha256:{'0' * 64}", Path("/nowhere"), "job").plan([None] * 6, lanes=2)

    assert [plan.slot(chamber)[0] - plan.start_at for chamber in range(6)] == [
        timedelta(seconds=seconds) for seconds in (0, 0, 120, 120, 240, 240)
    ]
