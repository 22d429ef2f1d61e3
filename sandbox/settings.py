"""The node's settings: `node.toml` in its directory, and what belongs to the machine, from the environment.

Read once by the command line and the worker, typed, and refused at start with the name of the setting. Nothing that
bears on privacy is here: that is in the signed policy.
"""

import hashlib
import os
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.errors import Misconfigured

FILE = "node.toml"

# Environment variables and the settings that they replace.
ENVIRONMENT = {
    "SAFECONDUCT_DATABASE_URL": "database_url",
    "SAFECONDUCT_REDIS_URL": "redis_url",
    "SAFECONDUCT_RUN_DIRECTORY": "run_directory",
    "SAFECONDUCT_MACHINE": "machine",
    "DOCKER_HOST": "docker_url",
    "SAFECONDUCT_OCI_RUNTIME": "oci_runtime",
    "SAFECONDUCT_CHAMBER_ENGINE": "chamber_engine",
    "SAFECONDUCT_SUPERVISOR": "supervisor",
    "SAFECONDUCT_WEB": "web",
}

Seconds = Annotated[float, Field(gt=0, le=3600)]


class Settings(BaseModel):
    """Every setting of a node. Times are in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    directory: Path
    node: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._@-]{0,99}$")]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    registry: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")]
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    redis_url: Annotated[str, Field(pattern=r"^(redis|rediss|redis\+socket)://")] = "redis://127.0.0.1:6379/0"
    docker_url: Annotated[str, Field(pattern=r"^(unix|tcp|ssh)://")] = "unix:///var/run/docker.sock"
    oci_runtime: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "runc"
    chamber_engine: Literal["cell", "container"] = "cell"
    supervisor: Path | None = None
    web: Path | None = None
    cell_apparmor: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    key_passphrase_file: Path | None = None
    database_url: Annotated[str, Field(pattern=r"^(sqlite:///|postgresql(\+psycopg)?://)")] = ""
    run_directory: Path = Path()
    machine: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    worker_concurrency: Annotated[int, Field(ge=1, le=64)] = 2
    jobs_at_once: Annotated[int, Field(ge=1, le=1000)] = 8
    jobs_at_once_per_project: Annotated[int, Field(ge=1, le=1000)] = 4
    memory_bytes: Annotated[int, Field(gt=0)] | None = None
    staging_bytes: Annotated[int, Field(gt=0)] | None = None
    priorities: dict[str, Annotated[int, Field(ge=-100, le=100)]] = {}
    lease_seconds: Annotated[float, Field(ge=3, le=60)] = 20
    slice_seconds: Annotated[float, Field(ge=1, le=40)] = 10
    sweep_seconds: Seconds = 1
    poll_seconds: Annotated[float, Field(gt=0, le=55)] = 25
    sites_per_catalogue: Annotated[int, Field(ge=0, le=100_000)] = 5_000

    @property
    def keys(self) -> Path:
        """Where the node's keys are."""
        return self.directory / "keys"

    @property
    def policies(self) -> Path:
        """The policy set that the signed policy names by digest."""
        return self.directory / "policies"

    @property
    def images(self) -> Path:
        """The cache of image archives."""
        return self.directory / "images"


def load_settings(directory: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check a node's settings; a wrong or unknown one stops the node by name."""
    directory = directory.absolute()
    values = _read_file(directory / FILE)
    values |= {name: environment[key] for key, name in ENVIRONMENT.items() if environment.get(key)}
    values.setdefault("database_url", f"sqlite:///{directory / 'node.db'}")
    values.setdefault("run_directory", default_run_directory(directory))
    values.setdefault("machine", socket.gethostname())
    try:
        return Settings(**{**values, "directory": directory})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise Misconfigured("setting-invalid", f"The setting {name!r} is wrong: {first['msg']}.") from error


def default_run_directory(directory: Path) -> Path:
    """Where staged blocks and chamber outputs live: memory, never a disk."""
    short = hashlib.sha256(str(directory.absolute()).encode()).hexdigest()[:16]
    return Path("/dev/shm") / f"safeconduct-{short}"  # noqa: S108  a directory of our own, made with mode 0700


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        raise Misconfigured("node-missing", f"There is no node in {path.parent}; make one with `node init`.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured("setting-invalid", f"{path} is not TOML: {error}.") from error
