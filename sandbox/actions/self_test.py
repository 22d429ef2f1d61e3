"""Run the chamber self-test: two chambers of the node's own engine try what no chamber may be able to do.

The same runtime, flags, list of calls and profile as for jobs; a name of its own on the engine, so that the reaper and
the self-test do not take each other's chambers away. One at a time for each node: doctor and node may both want to.
"""

import datetime as dt
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from protocol.documents.image import ImageLimits, read_identity
from sandbox.chambers import probe
from sandbox.chambers.runtime import ChamberRuntime
from sandbox.domain.chamber import ChamberPlan, Profile, Timing, uid_base
from sandbox.domain.self_test import ELSEWHERE_FILE, OWN_FILE, SECRET_BYTES, check_walls
from sandbox.errors import InfrastructureLost

FOLDER = ".self-test"  # in the run directory: no job has a name like this
CHAMBERS = 2
SLOT_MILLISECONDS = 20_000
MEMORY_BYTES = 32 << 20
OUTPUT_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What the self-test needs of a node: its engine under another name, its list of calls, profile and memory."""

    start_runtime: Callable[[], ChamberRuntime]
    run: Path
    seccomp: str
    oci_runtime: str
    profile: Profile


def self_test(bench: Bench, now: dt.datetime) -> None:
    """Return if every wall holds; else raise InfrastructureLost, named for the wall or for what the engine lacks."""
    runtime = bench.start_runtime()
    with _alone(bench.run) as place:
        runtime.reap(())
        try:
            _run(bench, runtime, place, now)
        finally:
            runtime.reap(())


@contextmanager
def _alone(run: Path) -> Iterator[Path]:
    """A place of its own, for one self-test of this node at a time; nothing of it is left afterwards."""
    run.mkdir(mode=0o711, parents=True, exist_ok=True)
    lock, place = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), run / FOLDER
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o711)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def _run(bench: Bench, runtime: ChamberRuntime, place: Path, now: dt.datetime) -> None:
    archive, outputs = place / "probe.tar", place / "outputs"
    outputs.mkdir(mode=0o711)
    probe.write_image(archive)
    with archive.open("rb") as stream:
        identity = read_identity(stream, ImageLimits())
    image_id = runtime.load_image(archive, identity)
    runtime.prepare_image(image_id, bench.profile)
    known = [secrets.token_hex(SECRET_BYTES // 2).encode() for _ in range(CHAMBERS)]
    plan = _plan(bench, image_id, _blocks(place / "blocks", known), now)
    end = now + 2 * CHAMBERS * plan.slot_length
    if runtime.run_slice(plan, 0, outputs, end) < CHAMBERS:
        raise InfrastructureLost("chamber-slow", "The engine did not run two small chambers in time.")
    check_walls(runtime.collect(outputs, CHAMBERS), known)


def _blocks(folder: Path, known: list[bytes]) -> tuple[Path, ...]:
    """A block for each chamber: its own secret, and where the next one's lies on this machine."""
    folder.mkdir(mode=0o711)
    blocks = tuple(folder / f"{number:06}" for number in range(len(known)))
    for number, (block, secret) in enumerate(zip(blocks, known, strict=True)):
        block.mkdir(mode=0o755)
        other = blocks[(number + 1) % len(blocks)] / OWN_FILE
        for name, content in ((OWN_FILE, secret), (ELSEWHERE_FILE, str(other).encode())):
            (block / name).write_bytes(content)
            (block / name).chmod(0o644)
    return blocks


def _plan(bench: Bench, image_id: str, blocks: tuple[Path, ...], now: dt.datetime) -> ChamberPlan:
    job = f"self-test-{secrets.token_hex(8)}"
    return ChamberPlan(
        job=job,
        fence=1,
        image_id=image_id,
        entrypoint=(probe.PROGRAM,),
        input_json=b"{}",
        block_dirs=blocks,
        slot_milliseconds=SLOT_MILLISECONDS,
        memory_bytes=MEMORY_BYTES,
        output_bytes=OUTPUT_BYTES,
        timing=Timing.IMMEDIATE,
        profile=bench.profile,
        start_at=now,
        lanes=CHAMBERS,
        seccomp=bench.seccomp,
        oci_runtime=bench.oci_runtime,
        uid_base=uid_base(job),
    )
