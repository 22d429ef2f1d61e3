"""The Docker engine, through its API: the few calls that chambers need, with its errors told in our words."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

import docker
from docker.errors import DockerException, ImageNotFound, NotFound
from requests.exceptions import ConnectionError as Disconnected
from requests.exceptions import ReadTimeout, RequestException

from sandbox.chambers.limits import ENGINE_SECONDS
from sandbox.errors import InfrastructureLost, Unreachable


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """What the engine says of a container."""

    running: bool
    started_at: datetime | None  # None: never started
    finished_at: datetime | None  # None: not yet
    pid: int
    exit_code: int
    out_of_memory: bool


class Engine:
    """One engine; safe to share between threads."""

    def __init__(self, url: str) -> None:
        with _reached(), _told("reach the engine"):
            # The SDK keeps a pool of connections for each address it ever asked, that is, for each container: one is
            # enough there. It also looks for proxies in the environment at each request; the engine needs none.
            self._api = docker.APIClient(base_url=url, version="auto", timeout=int(ENGINE_SECONDS), max_pool_size=1)
            self._api.trust_env = False
            self._info: dict[str, Any] = self._api.info()

    @property
    def cgroup_driver(self) -> str:
        """Who makes the containers' cgroups: "cgroupfs" or "systemd"."""
        return str(self._info.get("CgroupDriver", ""))

    def check_able(self, oci_runtime: str) -> None:
        """Refuse an engine that cannot give a chamber what it must have."""
        if oci_runtime not in self._info.get("Runtimes", {}):
            offered = ", ".join(sorted(self._info.get("Runtimes", {})))
            raise InfrastructureLost("oci-runtime-missing", f"The engine has no runtime {oci_runtime}, only {offered}.")
        if not any("seccomp" in option for option in self._info.get("SecurityOptions") or ()):
            raise InfrastructureLost("seccomp-missing", "The engine cannot filter system calls; use another kernel.")
        for limit in ("MemoryLimit", "PidsLimit", "CpuCfsQuota"):
            if not self._info.get(limit):
                raise InfrastructureLost(
                    "limits-missing", f"The engine cannot set {limit}; enable its cgroup controller."
                )

    def create(self, container: dict[str, Any], host: dict[str, Any], beyond: dict[str, Any]) -> str:
        """Create a container and return its id. `beyond` are host settings that the SDK does not know."""
        with _told("create a chamber"):
            host_config = {**self._api.create_host_config(**host), **beyond}
            # The client's own proxy settings would come in as environment.
            created = self._api.create_container(**container, host_config=host_config, use_config_proxy=False)
            return str(created["Id"])

    def start(self, container_id: str) -> None:
        """Start a container."""
        with _told("start a chamber"):
            self._api.start(container_id)

    def wait(self, container_id: str, seconds: float) -> bool:
        """Wait for the engine's word that the container has ended; False if it did not come in time."""
        if seconds <= 0:
            return False
        try:
            with _told("wait for a chamber"):
                self._api.wait(container_id, timeout=seconds, condition="not-running")
        except _TooLate:
            return False
        return True

    def state(self, container_id: str) -> ContainerState:
        """What the engine knows of the container now."""
        with _told("inspect a chamber"):
            state = self._api.inspect_container(container_id)["State"]
        return ContainerState(
            running=state["Running"],
            started_at=_moment(state["StartedAt"]),
            finished_at=_moment(state["FinishedAt"]),
            pid=state["Pid"],
            exit_code=state["ExitCode"],
            out_of_memory=state["OOMKilled"],
        )

    def kill(self, container_id: str) -> None:
        """Kill, never stop: stopping asks first, with a signal that the image may choose."""
        try:
            with _told("kill a chamber"):
                self._api.kill(container_id, signal="SIGKILL")
        except InfrastructureLost:
            if self.state(container_id).running:
                raise

    def remove(self, container_id: str) -> None:
        """Remove a container with its volumes, dead or alive; one that is gone is gone, one that goes is awaited."""
        try:
            with _told("remove a chamber"):
                self._api.remove_container(container_id, v=True, force=True)
        except _Missing:
            return
        except InfrastructureLost as problem:
            if "already in progress" not in problem.sentence:
                raise
            with suppress(_Missing), _told("remove a chamber"):
                self._api.wait(container_id, condition="removed")

    def containers(self, labels: dict[str, str]) -> dict[str, dict[str, str]]:
        """The labels of every container, running or not, that bears all of `labels`, by its id."""
        wanted = [f"{key}={value}" for key, value in labels.items()]
        with _told("list chambers"):
            found = self._api.containers(all=True, filters={"label": wanted})
        return {item["Id"]: item["Labels"] for item in found}

    def image(self, image_id: str) -> dict[str, Any] | None:
        """What the engine knows of an image, or None if it does not have it."""
        try:
            with _told("inspect an image"):
                found: dict[str, Any] = self._api.inspect_image(image_id)
        except _Missing:
            return None
        return found

    def load(self, archive: BinaryIO) -> str:
        """Load an archive; return the SHA-256 of the bytes that the engine was given."""
        reader = _Digesting(archive)
        with _told("load an image"):
            for answer in self._api.load_image(reader):
                if "error" in answer:
                    raise InfrastructureLost(
                        "image-not-loaded", f"The engine did not load the image: {answer['error']}"
                    )
        return reader.digest

    def export(self, image_id: str, labels: Mapping[str, str]) -> Iterator[bytes]:
        """Yield an image's whole root as one tar stream, by way of a container that never starts."""
        with _told("export an image"):
            made = self._api.create_container(image_id, entrypoint=["/"], network_disabled=True, labels=dict(labels))
        try:
            with _told("export an image"):
                yield from self._api.export(made["Id"])
        finally:
            self.remove(made["Id"])

    def remove_image(self, image_id: str) -> None:
        """Remove an image that nothing uses."""
        try:
            with _told("remove an image"):
                self._api.remove_image(image_id)
        except _Missing:
            return


class _Missing(InfrastructureLost):
    """The engine does not have what it was asked about."""


class _TooLate(InfrastructureLost):
    """The engine said nothing in the time it was given."""


class _Digesting:
    """Reads on and digests what was read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._sha256.update(data)
        return data

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read(1 << 20):
            yield data


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except InfrastructureLost as problem:
        raise Unreachable("engine-unreachable", problem.sentence) from problem


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except (NotFound, ImageNotFound) as problem:
        raise _Missing("engine-missing", f"The engine could not {what}: {problem}") from problem
    except ReadTimeout as problem:
        raise _TooLate("engine-silent", f"The engine did not {what} in time.") from problem
    except Disconnected as problem:
        if "timed out" in str(problem):
            raise _TooLate("engine-silent", f"The engine did not {what} in time.") from problem
        raise Unreachable("engine-unreachable", f"The engine went away while it should {what}: {problem}") from problem
    except (DockerException, RequestException) as problem:
        if "bind source path does not exist" in str(problem):
            sentence = "The engine does not see what lies in this worker's memory: run the worker on the engine's own "
            raise InfrastructureLost(
                "engine-elsewhere", f"{sentence}machine, its run_directory at one path."
            ) from problem
        raise InfrastructureLost("engine-failed", f"The engine could not {what}: {problem}") from problem


@contextmanager
def amid(what: str) -> Iterator[None]:
    """Count an engine that goes away amid this as lost, not as out of reach: what it was about may be the reason.

    What is out of reach is waited for without end. An image that brings its engine down would do so for ever.
    """
    try:
        yield
    except Unreachable as problem:
        raise InfrastructureLost("engine-died", f"The engine went away while it {what}.") from problem


def _moment(text: str) -> datetime | None:
    """The engine's moments have nanoseconds, which datetime does not; the year 1 is its word for never."""
    if text.startswith("0001-"):
        return None
    whole, _, rest = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{rest[:6].ljust(6, '0')}+00:00")
