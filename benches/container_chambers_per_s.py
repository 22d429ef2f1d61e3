"""Hardened container chambers per second, four in flight, beside plain containers of the same image and engine.

The program is static and ends at once, so this is the price of a chamber itself. Batches of both kinds take turns, so
that a busy moment of the machine falls on both.
"""

import itertools
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import docker

from benches.harness import CannotMeasureError, Figure, beside, judge, side_by_side
from client.images import build
from sandbox.chambers.container import ContainerRuntime
from sandbox.chambers.launcher import executable
from sandbox.chambers.seccomp import profile
from sandbox.domain.chamber import ChamberPlan, Timing, uid_base

UNIT = "chambers/s"
REACH = ">= 12"
LANES = 4
CHAMBERS = 24  # in a batch
ROUNDS = 5
NODE = f"bench-{os.getpid()}"
END_AT_ONCE = executable(b"\xb8\xe7\0\0\0\x31\xff\x0f\x05")  # mov eax, 231; xor edi, edi; syscall: exit_group(0)


def measure() -> Figure:
    """Chambers per second of each batch, beside plain containers per second."""
    if not os.environ.get("DOCKER_HOST"):
        raise CannotMeasureError("no Docker engine is named: run `make bench`, which finds or starts one")
    runtime = ContainerRuntime(os.environ["DOCKER_HOST"], node=NODE)
    with (
        _image(runtime) as image_id,
        tempfile.TemporaryDirectory(dir="/dev/shm", prefix="safeconduct-bench-") as folder,
    ):
        batches = itertools.count()
        chambers, plain = side_by_side(
            lambda: _chamber_batch(runtime, image_id, Path(folder) / str(next(batches))),
            lambda: _plain_batch(image_id),
            rounds=ROUNDS,
            warm_up=1,
        )
    return judge(
        [CHAMBERS / seconds for seconds in chambers],
        unit=UNIT,
        reach=12,
        better="more",
        beside=beside(f"plain `docker run --rm`, {LANES} in flight", [CHAMBERS / seconds for seconds in plain], UNIT),
    )


@contextmanager
def _image(runtime: ContainerRuntime) -> Iterator[str]:
    """An image that holds only the program, loaded, and removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder) / "context"
        context.mkdir()
        (context / "end").write_bytes(END_AT_ONCE)
        (context / "end").chmod(0o755)
        (context / "Dockerfile").write_text("FROM scratch\nCOPY end /end\n")
        archive, identity = build(context, "scratch", Path(folder) / "end.tar")
        image_id = runtime.load_image(archive, identity)
    try:
        yield image_id
    finally:
        with closing(docker.DockerClient(base_url=os.environ["DOCKER_HOST"])) as engine:
            engine.images.remove(image_id, force=True)


def _chamber_batch(runtime: ContainerRuntime, image_id: str, folder: Path) -> None:
    block = folder / "block"
    block.mkdir(parents=True)
    job = f"{NODE}-{folder.name}"
    plan = ChamberPlan(
        job=job,
        fence=1,
        image_id=image_id,
        entrypoint=("/end",),
        input_json=b"{}",
        block_dirs=(block,) * CHAMBERS,
        slot_milliseconds=60_000,
        memory_bytes=64 << 20,
        output_bytes=64,
        timing=Timing.IMMEDIATE,
        start_at=datetime.now(UTC),
        lanes=LANES,
        seccomp=profile(),
        oci_runtime="runc",
        uid_base=uid_base(job),
    )
    runtime.run_slice(plan, 0, folder / "outputs", datetime.now(UTC) + timedelta(minutes=5))


def _plain_batch(image_id: str) -> None:
    """What `docker run --rm` does, without a terminal, without network and without any other flag."""
    with (
        closing(docker.DockerClient(base_url=os.environ["DOCKER_HOST"])) as engine,
        ThreadPoolExecutor(LANES) as threads,
    ):
        runs = [
            threads.submit(engine.containers.run, image_id, entrypoint=["/end"], network_mode="none", remove=True)
            for _ in range(CHAMBERS)
        ]
        for run in runs:
            run.result()
