"""What the figures about chambers share: the engine, an image of one static program, and plans."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docker

from benches.harness import CannotMeasureError
from client.images import build
from sandbox.chambers.cell import CellRuntime
from sandbox.chambers.container import ContainerRuntime
from sandbox.chambers.launcher import executable
from sandbox.chambers.runtime import ChamberRuntime
from sandbox.chambers.seccomp import profile
from sandbox.domain.chamber import ChamberPlan, Profile, Timing, uid_base

NODE = f"bench-{os.getpid()}"
PROGRAM = "/end"
END_AT_ONCE = executable(b"\xb8\xe7\0\0\0\x31\xff\x0f\x05")  # mov eax, 231; xor edi, edi; syscall: exit_group(0)


def engine_url() -> str:
    """The engine that set-up found or started."""
    if not os.environ.get("DOCKER_HOST"):
        raise CannotMeasureError("no Docker engine is named: run `make bench`, which finds or starts one")
    return os.environ["DOCKER_HOST"]


def containers() -> ContainerRuntime:
    """The engine `container`."""
    return ContainerRuntime(engine_url(), node=NODE)


def cells() -> CellRuntime:
    """The engine `cell`."""
    if not os.environ.get("SAFECONDUCT_SUPERVISOR"):
        raise CannotMeasureError("no supervisor is named: run `make bench`, which builds it")
    return CellRuntime(engine_url(), NODE, Path(os.environ["SAFECONDUCT_SUPERVISOR"]))


def base_image() -> str:
    """The engine's ID of the algorithms' base image."""
    with closing(docker.APIClient(base_url=engine_url())) as engine:
        return str(engine.inspect_image(os.environ["SAFECONDUCT_BASE_IMAGE"])["Id"])


@contextmanager
def image_of(program: bytes, runtime: ChamberRuntime) -> Iterator[str]:
    """An image that holds only a static program, loaded, and removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder) / "context"
        context.mkdir()
        (context / "end").write_bytes(program)
        (context / "end").chmod(0o755)
        (context / "Dockerfile").write_text("FROM scratch\nCOPY end /end\n")
        archive, identity = build(context, "scratch", Path(folder) / "end.tar")
        image_id = runtime.load_image(archive, identity)
    try:
        yield image_id
    finally:
        with closing(docker.DockerClient(base_url=os.environ["DOCKER_HOST"])) as engine:
            engine.images.remove(image_id, force=True)


@contextmanager
def run_folder() -> Iterator[Path]:
    """A folder on tmpfs."""
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="safeconduct-bench-") as folder:
        yield Path(folder)


def plan(folder: Path, image_id: str, chambers: int, **changes: Any) -> ChamberPlan:
    """A plan of a batch with blocks of its own; by default each chamber starts as soon as it can, for a minute."""
    blocks = tuple(folder / "blocks" / f"{number:06d}" for number in range(chambers))
    for block in blocks:
        block.mkdir(parents=True)
    job = f"{NODE}-{folder.name}"
    fields: dict[str, Any] = {
        "job": job,
        "fence": 1,
        "image_id": image_id,
        "entrypoint": (PROGRAM,),
        "input_json": b"{}",
        "block_dirs": blocks,
        "slot_milliseconds": 60_000,
        "memory_bytes": 64 << 20,
        "output_bytes": 64,
        "timing": Timing.IMMEDIATE,
        "profile": Profile.STANDARD,
        "start_at": datetime.now(UTC),
        "lanes": 2,
        "seccomp": profile(),
        "oci_runtime": "runc",
        "uid_base": uid_base(job),
    }
    return ChamberPlan(**{**fields, **changes})


def run(runtime: ChamberRuntime, planned: ChamberPlan, folder: Path) -> list[bytes | None]:
    """Run a whole plan, and collect."""
    done = runtime.run_slice(planned, 0, folder / "outputs", datetime.now(UTC) + timedelta(minutes=9))
    if done != planned.chambers:
        raise CannotMeasureError("the chambers did not end in nine minutes")
    return runtime.collect(folder / "outputs", planned.chambers)
