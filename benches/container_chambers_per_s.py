"""Hardened container chambers per second, four in flight, beside plain containers of the same image and engine.

The program is static and ends at once, so this is the price of a chamber itself. Batches of both kinds take turns, so
that a busy moment of the machine falls on both.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docker

from client.images import build
from sandbox.chambers.container import ContainerRuntime
from sandbox.chambers.launcher import executable
from sandbox.chambers.seccomp import profile
from sandbox.domain.chamber import ChamberPlan, Timing, uid_base

REACH = 12.0
LANES = 4
CHAMBERS = 24
BATCHES = 5
NODE = f"bench-{os.getpid()}"
END_AT_ONCE = executable(b"\xb8\xe7\0\0\0\x31\xff\x0f\x05")  # mov eax, 231; xor edi, edi; syscall: exit_group(0)


def measure() -> dict[str, Any]:
    """The figure, with the lowest and highest batch, and the plain containers' beside it."""
    runtime = ContainerRuntime(os.environ["DOCKER_HOST"], node=NODE)
    chambers, plain = [], []
    with (
        _image(runtime) as image_id,
        tempfile.TemporaryDirectory(dir="/dev/shm", prefix="safeconduct-bench-") as folder,
    ):
        _plain_batch(image_id)  # not counted: the first use of an image is slower
        for batch in range(BATCHES):
            chambers.append(_chamber_batch(runtime, image_id, Path(folder), batch))
            plain.append(_plain_batch(image_id))
    value = statistics.median(chambers)
    return {
        "value": value,
        "unit": "chambers/s",
        "low": min(chambers),
        "high": max(chambers),
        "reach": REACH,
        "holds": value >= REACH,
        "beside": {"plain containers/s": statistics.median(plain), "in flight": LANES, "processors": os.cpu_count()},
    }


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


def _chamber_batch(runtime: ContainerRuntime, image_id: str, folder: Path, batch: int) -> float:
    block = folder / f"block-{batch}"
    block.mkdir()
    plan = ChamberPlan(
        job=f"{NODE}-{batch}",
        fence=1,
        image_id=image_id,
        entrypoint=("/end",),
        input_json=b"{}",
        block_dirs=(block,) * CHAMBERS,
        slot_seconds=30,
        memory_bytes=64 << 20,
        output_bytes=64,
        timing=Timing.IMMEDIATE,
        start_at=datetime.now(UTC),
        lanes=LANES,
        seccomp=profile(),
        oci_runtime="runc",
        uid_base=uid_base(f"{NODE}-{batch}"),
    )
    start = time.perf_counter()
    runtime.run_slice(plan, 0, folder / f"outputs-{batch}", datetime.now(UTC) + timedelta(minutes=5))
    return CHAMBERS / (time.perf_counter() - start)


def _plain_batch(image_id: str) -> float:
    """What `docker run --rm` does, without a terminal, without network and without any other flag."""
    with (
        closing(docker.DockerClient(base_url=os.environ["DOCKER_HOST"])) as engine,
        ThreadPoolExecutor(LANES) as threads,
    ):
        start = time.perf_counter()
        runs = [
            threads.submit(engine.containers.run, image_id, entrypoint=["/end"], network_mode="none", remove=True)
            for _ in range(CHAMBERS)
        ]
        for run in runs:
            run.result()
        return CHAMBERS / (time.perf_counter() - start)
