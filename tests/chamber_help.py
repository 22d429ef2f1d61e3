"""What the tests of chambers share: the hostile image, plans whose blocks name a role, a count of what is left."""

import math
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import NotFound

from client.images import build
from protocol.documents.algorithm import ImageIdentity
from sandbox.chambers import seccomp
from sandbox.chambers.cell import CellRuntime
from sandbox.chambers.container import ContainerRuntime
from sandbox.chambers.runtime import ChamberRuntime
from sandbox.domain.chamber import ChamberPlan, Profile, Timing, uid_base

HOSTILE = Path(__file__).parent.parent / "algorithms" / "hostile"
ENGINES = ("container", "cell")
ENTRYPOINT = ("/usr/bin/python3", "-I", "-S", "/hostile.py")
PROBES = ("/usr/bin/python3", "-I", "-S", "/probes.py")
CHANNELS = ("/usr/bin/python3", "-I", "-S", "/channels.py")
HONEST = b'{"honest": 1}'
FIRST_UID = uid_base(f"tests-{os.getpid()}-{time.time_ns()}")
_SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Image:
    """An image of the tests: its archive and its identity."""

    archive: Path
    identity: ImageIdentity


def build_image(context: Path, out: Path, *, fresh: bool = False) -> Image:
    """Build a folder on the algorithms' base image, which set-up made."""
    return Image(*build(context, _base(), out, fresh=fresh))


def _base() -> str:
    base = os.environ.get("SAFECONDUCT_BASE_IMAGE")
    if not base:
        pytest.skip("SAFECONDUCT_BASE_IMAGE names no image: run the tests with `make test`, which makes it")
    return base


def engine_url() -> str:
    """The engine that set-up found or started."""
    url = os.environ.get("DOCKER_HOST")
    if not url:
        pytest.skip("DOCKER_HOST names no engine: run the tests with `make test`, which finds or starts one")
    return url


def offers(oci_runtime: str) -> bool:
    """Whether the engine has this OCI runtime."""
    with closing(docker.APIClient(base_url=engine_url())) as engine:
        return oci_runtime in engine.info()["Runtimes"]


def supervisor() -> Path:
    """The supervisor of cells, which set-up built."""
    program = os.environ.get("SAFECONDUCT_SUPERVISOR")
    if not program:
        pytest.skip("SAFECONDUCT_SUPERVISOR names no program: run the tests with `make test`, which builds it")
    return Path(program)


def list_of_calls(profile: Profile) -> str:
    """The list of system calls that belongs to a profile."""
    return seccomp.profile(strict=profile is Profile.STRICT)


def engine_runtime(engine: str, node: str, roots: Path | None = None) -> ChamberRuntime:
    """The runtime of that name on the engine that set-up found or started; with `roots`, cells offer strict too."""
    if engine == "cell":
        return CellRuntime(engine_url(), node, supervisor(), roots=roots)
    return ContainerRuntime(engine_url(), node)


def hostile_image(folder: Path) -> Iterator[Image]:
    """The hostile image, with an ID of this run's own so that it may be removed from the engine at the end."""
    context = folder / "context"
    shutil.copytree(HOSTILE, context)
    (context / "run").write_text(uuid.uuid4().hex)
    with (context / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("COPY run /test-run\n")
    image = build_image(context, folder / "hostile.tar")
    yield image
    forget_image(image.identity.config_digest)


def forget_image(image_id: str) -> None:
    """Remove an image from the engine, if it is there."""
    with closing(docker.APIClient(base_url=engine_url())) as engine, suppress(NotFound):
        engine.remove_image(image_id, noprune=True)


class Hall:
    """Runs plans of chambers whose blocks say what each of them does."""

    def __init__(
        self,
        runtime: ChamberRuntime,
        image_id: str,
        directory: Path,
        job: str,
        *,
        oci_runtime: str = "runc",
        profile: Profile = Profile.STANDARD,
    ) -> None:
        self.runtime = runtime
        self.image_id = image_id
        self.directory = directory
        self.outputs = directory / "outputs"
        self._job = job
        self._oci_runtime = oci_runtime
        self._profile = profile

    def plan(self, roles: Sequence[str | None], **changes: Any) -> ChamberPlan:
        """A plan with one chamber for each role; None is an empty block."""
        fields: dict[str, Any] = {
            "job": self._job,
            "fence": 1,
            "image_id": self.image_id,
            "entrypoint": ENTRYPOINT,
            "input_json": b'{"parameters":{}}',
            "block_dirs": tuple(self._block(number, role) for number, role in enumerate(roles)),
            "slot_milliseconds": 1000 * changes.pop("slot_seconds", 120),
            "memory_bytes": 128 << 20,
            "output_bytes": 4096,
            "timing": Timing.IMMEDIATE,
            "profile": self._profile,
            "start_at": datetime.now(UTC),
            "lanes": 2,
            "seccomp": list_of_calls(self._profile),
            "oci_runtime": self._oci_runtime,
            "uid_base": FIRST_UID,
        }
        return ChamberPlan(**{**fields, **changes})

    def run(self, roles: Sequence[str | None], **changes: Any) -> list[bytes | None]:
        """Run a whole plan and collect what its chambers yield."""
        plan = self.plan(roles, **changes)
        assert self.runtime.run_slice(plan, 0, self.outputs, in_seconds(250)) == plan.chambers
        return self.runtime.collect(self.outputs, plan.chambers)

    def short_slot(self) -> int:
        """A slot in seconds in which an honest chamber surely ends on this machine, as busy as it is now."""
        start = time.monotonic()
        with tempfile.TemporaryDirectory(dir=_SHARED_MEMORY) as directory:
            same = {"oci_runtime": self._oci_runtime, "profile": self._profile}
            pace = Hall(self.runtime, self.image_id, Path(directory), f"{self._job}-pace", **same)
            assert pace.run(["honest"]) == [HONEST]
        spare = 6 if self._oci_runtime == "runc" else 20  # a kernel of its own starts slowly, and slower beside another
        return max(2, math.ceil(spare * (time.monotonic() - start)))

    def _block(self, number: int, role: str | None) -> Path | None:
        if role is None:
            return None
        block = self.directory / "blocks" / f"{number:06d}"
        block.mkdir(parents=True, exist_ok=True)
        (block / "role").write_text(role)
        (block / "secret").write_text(f"secret of block {number}")
        return block


def in_seconds(seconds: float) -> datetime:
    """A moment from now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def run_directory() -> Iterator[Path]:
    """A directory on tmpfs, which is empty of chambers' files at the end."""
    directory = Path(tempfile.mkdtemp(prefix="safeconduct-tests-", dir=_SHARED_MEMORY))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def living(first_uid: int = FIRST_UID) -> list[str]:
    """The processes that run under a uid of the tests' chambers."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if first_uid <= process.stat().st_uid < first_uid + 1000:
                found.append(f"{process.name} {(process / 'comm').read_text().strip()}")
        except OSError:
            continue
    return found


def check_nothing_left(hall: Hall, engine: docker.APIClient, job: str) -> None:
    """Nothing of a job's chambers is left on the host: no container, process, mount or file."""
    asked = {"label": f"eu.safeconduct.job={job}"}
    until = time.monotonic() + 10  # what a killed worker had begun to remove, the engine removes by itself
    while engine.containers(all=True, filters=asked) and time.monotonic() < until:
        time.sleep(0.1)
    assert engine.containers(all=True, filters=asked) == []
    assert living() == []
    assert str(hall.directory) not in Path("/proc/self/mountinfo").read_text()
    assert not (hall.outputs / "work").exists() or not list((hall.outputs / "work").iterdir())
