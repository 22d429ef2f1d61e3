"""A node on two machines of the tests' own: network namespaces with an address and a Docker engine each.

PostgreSQL, Redis, registry, agent and sweeper are on this machine, behind a bridge to which each namespace has a wire;
the namespaces hold a worker each, and reach nothing else. The node's folder is shared; memory for staging is not, as
between machines that share a disk. A test may cut a wire. Everything is gone at the end.
"""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Collection
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docker
from chaos_place import SETTINGS, WIDE, Chaos, Redis
from killable_engine import KillableEngine
from node_lab import wait_for
from postgresql import USER, Cluster, name_of

from sandbox.data.synthesise import synthesise
from sandbox.store.machines import living
from sandbox.store.tables import JobRow

MEMORY = Path("/dev/shm")
LATELY = timedelta(seconds=5)


class Network:
    """A bridge at `address`, and namespaces with a wire to it each."""

    def __init__(self, names: Collection[str]) -> None:
        self.bridge = f"sc{secrets.token_hex(4)}"
        net = f"198.19.{secrets.randbelow(255)}"  # the range for tests (RFC 2544)
        self.address, self.range = f"{net}.1", f"{net}.0/24"
        self._of = {name: f"{self.bridge}-{name}" for name in names}
        try:
            self._ip("link", "add", self.bridge, "type", "bridge")
            self._ip("address", "add", f"{self.address}/24", "dev", self.bridge)
            self._ip("link", "set", self.bridge, "up")
            for number, space in enumerate(self._of.values()):
                self._ip("netns", "add", space)
                self._ip("link", "add", space, "type", "veth", "peer", "name", "wire", "netns", space)
                self._ip("link", "set", space, "master", self.bridge, "up")
                self._ip("-n", space, "address", "add", f"{net}.{number + 2}/24", "dev", "wire")
                self._ip("-n", space, "link", "set", "wire", "up")
                self._ip("-n", space, "link", "set", "lo", "up")
        except BaseException:
            self.close()
            raise

    def inside(self, name: str) -> list[str]:
        """What a command begins with to run there; `ip netns exec` would hide the control groups."""
        return ["nsenter", f"--net=/run/netns/{self._of[name]}"]

    def cut(self, name: str) -> None:
        """Cut a wire."""
        self._ip("link", "set", self._of[name], "down")

    def mend(self, name: str) -> None:
        """Mend a wire."""
        self._ip("link", "set", self._of[name], "up")

    def close(self) -> None:
        """Remove namespaces, and with them their wires, and the bridge."""
        for space in self._of.values():
            subprocess.run(["ip", "netns", "delete", space], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self.bridge], check=False, capture_output=True)

    @staticmethod
    def _ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)


class TwoMachines(Chaos):
    """A node whose workers are on the machines `a` and `b`."""

    names = ("a", "b")

    def __init__(self, folder: Path, network: Network, postgres: Cluster, engines: dict[str, KillableEngine]) -> None:
        url = f"postgresql+psycopg://{USER}@{network.address}/{name_of(postgres.create())}"
        super().__init__(folder, database=url, redis=f"redis://{network.address}:6379/0", seed=8)
        self.redis.kill()
        self.redis = Redis(folder, "--bind", network.address, "--port", "6379", "--protected-mode", "no")
        self.network, self.engines = network, engines
        port = self.lab.url.rpartition(":")[2]
        self.lab.url = f"http://{network.address}:{port}"
        self.memory = MEMORY / network.bridge

    def start(self, **_settings: Any) -> None:
        """Make registry and node; run agent and sweeper here, and a worker on each machine."""
        (self.folder / "data").mkdir()
        synthesise("FI", 400, 1, self.folder / "data")
        self.lab.start_registry()
        caps = {f"{name}_cap_nano": WIDE for name in ("project", "dataset", "algorithm", "pool")}
        self.lab.make_node(self.folder / "data", blocks_minimum=2, block_people_minimum=20, **caps)
        file = self.lab.node / "node.toml"
        file.write_text(file.read_text() + SETTINGS + "jobs_at_once = 100\njobs_at_once_per_project = 100\n")
        self._run("head", [], "--part", "agent", "--part", "sweeper")
        for name in self.names:
            self._run(name, self.network.inside(name), "--part", "worker")
        for name in ("head", *self.names):
            log = self.folder / f"{name}.log"
            wait_for(lambda log=log: b"is ready" in log.read_bytes() or None, 60, f"the start of {name}")
        wait_for(lambda: self.living() == set(self.names) or None, 20, "the machines' first word")

    def _run(self, name: str, inside: list[str], *parts: str) -> None:
        own = {"SAFECONDUCT_MACHINE": name, "SAFECONDUCT_RUN_DIRECTORY": str(self.run_of(name))}
        if name in self.engines:
            own["DOCKER_HOST"] = self.engines[name].url
        command = [*inside, sys.executable, "-m", "client.cli", "node", "run", "--dir", str(self.lab.node), *parts]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, env=self.lab.environment | own, stdout=log, stderr=log)
        self.lab.processes[name] = process

    def close(self) -> None:
        """End everything, and leave nothing."""
        super().close()
        shutil.rmtree(self.memory, ignore_errors=True)

    def run_of(self, name: str) -> Path:
        """Where a machine stages; the last part of the name is the node's."""
        return self.memory / name / "node-run"

    def living(self) -> Collection[str]:
        """The machines that have said lately that they live."""
        with self.lab.store.reading() as session:
            return living(session, datetime.now(UTC) - LATELY)

    def jobs_of(self, name: str, *states: str) -> list[str]:
        """The orders that a machine charged, or took over, and that are in one of these states."""
        return [row.id for row in self._rows(JobRow) if row.machine == name and row.state in states]

    def containers(self, name: str) -> list[str]:
        """The chambers, running or not, on a machine's engine."""
        with closing(docker.APIClient(base_url=self.engines[name].url)) as engine:
            return [str(found["Id"]) for found in engine.containers(all=True)]

    def staged(self, name: str) -> list[str]:
        """The jobs of which a machine has blocks in memory."""
        return [path.name for path in self.run_of(name).iterdir() if len(path.name) == 64]

    def check_nothing_left(self) -> None:
        """No container, no volume, no staged block on either machine."""
        for name in self.names:
            wait_for(lambda name=name: not (self.containers(name) or self.staged(name)) or None, 30, f"{name} is clean")
            with closing(docker.APIClient(base_url=self.engines[name].url)) as engine:
                assert not engine.volumes()["Volumes"]


def is_possible() -> str | None:
    """Say why no namespaces can be made here, or None."""
    missing = [name for name in ("dockerd", "ip", "nsenter") if not shutil.which(name)]
    if os.geteuid() != 0:
        return "network namespaces need root"
    return f"there is no {', '.join(missing)} on this machine" if missing else None
