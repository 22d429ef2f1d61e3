"""Profile `strict`: what passes from one chamber to the next through the kernel's state is closed as well.

The same pairs as in `test_channels`, where the profile `standard` shows that each of them can see its channel.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import chamber_help as help_
import docker
import pytest
from channel_pairs import COUNTED_BITS, WARM_FILES, balanced, error_rate, make_cold, warm_image

from sandbox.chambers import resident
from sandbox.chambers.cell import CellRuntime
from sandbox.domain.chamber import Profile
from sandbox.errors import InfrastructureLost

HONEST = help_.HONEST
# Guesses among balanced bits have a hypergeometric law: over six rounds of 32 the mean leaves 0.5 by more than LEEWAY
# with a chance below 10⁻⁷. Over the control's three it comes below OPEN by chance once in 10⁴.
ROUNDS = {Profile.STRICT: 6, Profile.STANDARD: 3}
LEEWAY = 0.2
OPEN = 0.3
COUNTED = {"pipe", "memory file", "socket pair", "socket"}


@pytest.fixture
def warm_image_id(strict_cells: CellRuntime, tmp_path: Path) -> Iterator[str]:
    yield from warm_image(strict_cells, tmp_path)


def after_each_other(strict_hall: help_.Hall, roles: list[str], **changes: Any) -> list[dict[str, Any]]:
    outcomes = strict_hall.run(roles, entrypoint=help_.CHANNELS, lanes=1, memory_bytes=256 << 20, **changes)
    assert None not in outcomes
    return [json.loads(outcome or b"") for outcome in outcomes]


def test_no_number_of_a_counter_reaches_the_next_chamber(strict_hall: help_.Hall) -> None:
    """Every inode number that a chamber can be told is the same, whatever ran before it."""
    bits = balanced(COUNTED_BITS)
    roles = [role for bit in bits for role in ("count_all" if bit else "count_nothing", "every_number")]

    reports = after_each_other(strict_hall, roles)[1::2]

    print("numbers of devices:", [report["devices"] for report in reports])
    first = reports[0]
    assert len(first["inodes"]) > 20
    assert [report["inodes"] for report in reports] == [first["inodes"]] * COUNTED_BITS
    assert [report["made"] for report in reports] == [first["made"]] * COUNTED_BITS
    assert {name for name, number in first["made"].items() if number == "refused"} >= COUNTED


@pytest.mark.parametrize("profile", Profile)
def test_no_file_of_the_image_is_warmer_than_another(
    strict_hall: help_.Hall, engine: docker.APIClient, warm_image_id: str, profile: Profile
) -> None:
    """By the clock: open in `standard`, the control. Between them, a chamber empties the processor's caches."""
    rates = [rate_by_time(strict_hall, engine, warm_image_id, profile) for _ in range(ROUNDS[profile])]

    print("bit error rates, one after another, page cache by time:", profile, rates)
    if profile is Profile.STRICT:
        assert abs(mean(rates) - 0.5) <= LEEWAY
    else:
        assert mean(rates) < OPEN


def rate_by_time(strict_hall: help_.Hall, engine: docker.APIClient, image_id: str, profile: Profile) -> float:
    bits = balanced(WARM_FILES)
    plan = strict_hall.plan(["warm", "thrash", "feel"])
    (strict_hall.directory / "blocks" / "000000" / "bits.json").write_text(json.dumps(bits))
    make_cold(engine, image_id)
    changes = {"image_id": image_id, "profile": profile, "seccomp": help_.list_of_calls(profile)}
    *_, felt = after_each_other(strict_hall, ["warm", "thrash", "feel"], block_dirs=plan.block_dirs, **changes)
    shutil.rmtree(strict_hall.outputs)
    return error_rate(bits, felt["timed"])


def test_strict_chamber_has_no_proc_and_an_honest_program_runs(strict_hall: help_.Hall) -> None:
    program = "import os, json; open('/mnt/output/result.json', 'w').write(json.dumps(os.listdir('/proc')))"

    assert strict_hall.run(["x"], entrypoint=("/usr/bin/python3", "-I", "-S", "-c", program)) == [b"[]"]


def test_engine_without_roots_in_memory_runs_nothing_of_it(strict_hall: help_.Hall) -> None:
    for runtime in (help_.engine_runtime("cell", "strict-less"), help_.engine_runtime("container", "strict-less")):
        strict_hall.runtime = runtime
        with pytest.raises(InfrastructureLost, match="profile-unavailable"):
            strict_hall.run(["honest"])
        with pytest.raises(InfrastructureLost, match="profile-unavailable"):
            runtime.prepare_image(strict_hall.image_id, Profile.STRICT)


def test_machine_that_swaps_does_not_offer_it(
    strict_hall: help_.Hall, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    swaps = tmp_path / "swaps"
    swaps.write_text(f"{Path('/proc/swaps').read_text().splitlines()[0]}\n/dev/vdb partition 1048576 0 -2\n")
    monkeypatch.setattr(resident, "SWAPS", swaps)

    with pytest.raises(InfrastructureLost, match="profile-swap"):
        strict_hall.run(["honest"])


def test_root_that_does_not_fit_leaves_nothing(strict_cells: CellRuntime, strict_hall: help_.Hall, roots: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(roots)], check=True)
    try:
        with pytest.raises(InfrastructureLost, match="does not fit"):
            strict_hall.run(["honest"])
        assert list((roots / "roots").iterdir()) == []
    finally:
        subprocess.run(["umount", str(roots)], check=True)


def test_removed_image_is_gone_from_the_engine_and_from_memory(
    strict_cells: CellRuntime, warm_image_id: str, engine: docker.APIClient, roots: Path
) -> None:
    strict_cells.prepare_image(warm_image_id, Profile.STRICT)
    assert (roots / "roots" / warm_image_id.removeprefix("sha256:") / "warm").is_dir()

    strict_cells.remove_image(warm_image_id)

    assert list((roots / "roots").iterdir()) == []
    with pytest.raises(docker.errors.ImageNotFound):
        engine.inspect_image(warm_image_id)
    strict_cells.remove_image(warm_image_id)
