"""A Docker engine of a test's own, with bridges and published ports, in a network namespace that the test made.

The engine that set-up starts has no bridge (chambers need none), and a second engine with bridges beside another one
would fight it over the firewall. In a namespace of its own it has a firewall of its own. Its images stay under
.run between runs; containers, networks, the namespace and the engine itself are gone at the end.
"""

import os
import secrets
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import engine as docker
from machine import Machine

START_SECONDS = 60


class PrivateEngine:
    """An engine, and a wire from this machine to its namespace; `address` is the namespace's end of it."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._name = f"sc-{secrets.token_hex(4)}"
        self._folder = machine.run / "compose-engine"
        self._sockets = machine.sockets / self._name
        net = f"198.18.{secrets.randbelow(255)}.{4 * secrets.randbelow(63)}"  # the range for tests (RFC 2544)
        self._ours, self.address = (f"{net.rpartition('.')[0]}.{int(net.rpartition('.')[2]) + n}" for n in (1, 2))
        self.host = f"unix://{self._sockets}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> docker.Engine:
        """Start it and wait until it answers."""
        self._folder.mkdir(exist_ok=True)
        self._sockets.mkdir()
        self._make_namespace()
        settings = self._folder / "daemon.json"
        settings.write_text('{"ip6tables": false, "features": {"containerd-snapshotter": false}}')
        where = ["--data-root", str(self._folder / "data"), "--exec-root", str(self._sockets / "exec")]
        command = ["dockerd", "--config-file", str(settings), *where, "--pidfile", str(self._sockets / "pid")]
        with (self._folder / "dockerd.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self._name}", *command, "--host", self.host, "--log-level", "warn"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + START_SECONDS
        found = Machine(self._machine.checkout, self._machine.environment | {"DOCKER_HOST": self.host})
        while (engine := docker.find(found)) is None or engine.host != self.host:
            assert time.monotonic() < until, (self._folder / "dockerd.log").read_text()[-2000:]
            assert self._process.poll() is None, (self._folder / "dockerd.log").read_text()[-2000:]
            time.sleep(0.1)
        return engine

    def stop(self) -> None:
        """End it, and remove what it made but its images."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)
        subprocess.run(["ip", "netns", "delete", self._name], check=False)
        for mount in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            if (target := mount.split()[1]).startswith((str(self._sockets), str(self._folder))):
                subprocess.run(["umount", "--lazy", target], check=False)
        subprocess.run(["rm", "-rf", "--one-file-system", str(self._sockets)], check=True)

    def _make_namespace(self) -> None:
        name, wire = self._name, f"{self._name}-w"
        for words in (
            ["netns", "add", name],
            ["link", "add", wire, "type", "veth", "peer", "name", "wire", "netns", name],
            ["address", "add", f"{self._ours}/30", "dev", wire],
            ["link", "set", wire, "up"],
            ["-n", name, "address", "add", f"{self.address}/30", "dev", "wire"],
            ["-n", name, "link", "set", "wire", "up"],
            ["-n", name, "link", "set", "lo", "up"],
        ):
            subprocess.run(["ip", *words], check=True)


def copy_image(source: docker.Engine, target: docker.Engine, tag: str) -> None:
    """Copy an image from one engine to the other, unless it is there."""
    if target.has_image(tag):
        return
    with subprocess.Popen([source.client, "--host", source.host, "save", tag], stdout=subprocess.PIPE) as saving:
        subprocess.run([target.client, "--host", target.host, "load", "--quiet"], stdin=saving.stdout, check=True)


def remove_other_images(engine: docker.Engine, wanted: set[str]) -> None:
    """Forget images of earlier versions, which nothing would ask for again."""
    for line in engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split():
        if line not in wanted and not line.startswith("<none>"):
            with suppress(Exception):
                engine.docker("rmi", line)


def is_possible() -> str | None:
    """Say why no such engine can be started here, or None."""
    missing = [name for name in ("dockerd", "containerd", "ip", "nsenter", "iptables") if not _which(name)]
    if os.geteuid() != 0:
        return "an engine of one's own needs root"
    return f"there is no {', '.join(missing)} on this machine" if missing else None


def _which(name: str) -> bool:
    import shutil

    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is not None
