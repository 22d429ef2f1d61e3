"""The node as its actions see it: everything that an action needs and may not make for itself.

Clock, keys, trust, policy, database, registry and chambers come in here, once per process; no action reads a setting,
an environment variable or a global.
"""

import datetime as dt
import re
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from protocol.crypto.keys import Signer
from protocol.documents.policy import Policy
from protocol.documents.trust_root import TrustRoot
from sandbox.actions.clock import GuardedClock
from sandbox.chambers.runtime import ChamberRuntime
from sandbox.domain.policy import PolicyBook
from sandbox.domain.turns import Limits
from sandbox.hub.registry import Registry
from sandbox.store.base import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long a claim lives without a sign of life, and how long one tick works."""

    lease: dt.timedelta
    slice: dt.timedelta

    @property
    def surrender(self) -> dt.timedelta:
        """After how long without the database a machine gives its chambers up, where another would take its jobs."""
        return 2 * self.lease

    @property
    def silence(self) -> dt.timedelta:
        """After how long without a word a machine counts as gone: never before it has given its chambers up."""
        return self.surrender + self.lease + CUT


CUT = dt.timedelta(seconds=15)  # within which a connection that was cut is noticed (`store.base`)
_JOB = re.compile(r"[0-9a-f]{64}")  # the name of a job's directory
ROOTS = ".roots"  # in the run directory: no job has a name like this


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom this node believes and what its holder allows, verified when the node was opened."""

    root: TrustRoot
    root_digest: str
    policy: Policy
    policy_digest: str
    book: PolicyBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the node keeps its files. `run` is on tmpfs; `ledger_head` is a file beside the database, not in it."""

    images: Path
    run: Path
    datasets: Path
    ledger_head: Path


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node, opened by one process."""

    name: str
    machine: str  # this process's; a node may have workers on several
    country: str
    software: str
    store: Store
    clock: GuardedClock
    signer: Signer
    trust: Trust
    places: Places
    times: Times
    limits: Limits
    seccomp: str
    oci_runtime: str
    connect: Callable[[], Registry]
    start_runtime: Callable[[], ChamberRuntime]

    @cached_property
    def registry(self) -> Registry:
        """This process's connection to the registry."""
        return self.connect()

    @cached_property
    def runtime(self) -> ChamberRuntime:
        """This process's chamber runtime."""
        return self.start_runtime()

    def run_directory(self, job_id: str) -> Path:
        """Where one job's staged blocks and chamber outputs live: memory that a reboot forgets."""
        return self.places.run / job_id

    def staged(self) -> Mapping[str, Collection[int]]:
        """The jobs of which this machine has staged blocks, and the fences that name them."""
        found: dict[str, Collection[int]] = {}
        for path in self.places.run.iterdir():
            with suppress(FileNotFoundError):  # it ended just now
                if _JOB.fullmatch(path.name):
                    found[path.name] = [int(one.name) for one in path.iterdir()]
        return found

    def remove_run_directories(self, keep: Collection[str]) -> None:
        """Forget staged blocks and outputs of every job but those to keep; what begins with a point is no job's."""
        if self.places.run.exists():
            for directory in self.places.run.iterdir():
                if directory.is_dir() and directory.name not in keep and not directory.name.startswith("."):
                    shutil.rmtree(directory)
