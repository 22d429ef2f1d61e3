"""A Docker engine: the one that answers, else a private one beside whatever else the machine runs.

1. An engine that answers is used as it is: DOCKER_HOST, then ours from an earlier run, then the client's default.
2. Else we start containerd and dockerd with folders, sockets and process files of their own. They make no bridge and
   touch no firewall: chambers have no network, and the rules of another engine stay as they are. containerd is ours
   too, for dockerd would otherwise keep its containers in the system's containerd.
3. Ending it removes its containers, the mounts below our folders and its data; an engine that was already there only
   loses the images that bear this checkout's label or that nodes loaded from archives under .run.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import daemons
from errors import CannotSetUp
from machine import Machine, run, say

START_SECONDS = 60
ANSWER_SECONDS = 10
LABEL = "eu.safeconduct.checkout"
"""Says on an image which checkout made it. Images that are built on ours inherit it."""

CONTAINERD_SETTINGS = """version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
"""
"""The Kubernetes side of containerd would look for networks; chambers have none."""

DOCKERD_SETTINGS = {"ip6tables": False, "features": {"containerd-snapshotter": False}}
"""Images stay in the classic store, where an image's identity is the digest of its configuration."""

UNMOUNT = "import ctypes, os, sys; ctypes.CDLL(None).umount2(os.fsencode(sys.argv[1]), 2)"
"""Detach a mount (2 is MNT_DETACH). The smallest machines have no `umount`."""


class Engine:
    """An engine that answers: its address, the client that reaches it, and whether we started it."""

    def __init__(self, machine: Machine, host: str, client: str, version: str) -> None:
        self.host, self.client, self.version = host, client, version
        self.is_ours = host == _our_host(machine)

    def docker(self, *words: str, seconds: float = 60) -> str:
        """Run the docker client against this engine and return what it printed."""
        return run([self.client, "--host", self.host, *words], seconds=seconds)

    def has_image(self, name: str) -> bool:
        """Whether the engine holds this image."""
        command = [self.client, "--host", self.host, "image", "inspect", name]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def needs(machine: Machine) -> list[str]:
    """Return the packages to install first; refuse when no engine answers and none may be started."""
    if find(machine):
        return []
    if machine.root is None:
        raise CannotSetUp(
            "No Docker engine answers and starting one needs root: set DOCKER_HOST to an engine that you may use, "
            "or run this as root or with passwordless sudo."
        )
    if shutil.which("dockerd") and shutil.which("containerd") and _clients():
        return []
    if not machine.can_install:
        raise CannotSetUp(
            "No Docker engine answers: install Docker with the system's package manager and run this again."
        )
    return ["docker.io", "docker-cli"]


def prepare(machine: Machine) -> dict[str, str]:
    """Find the engine or start ours, and point everything that follows at it and at the client that reaches it."""
    engine = find(machine) or _start(machine)
    whose = "our private engine" if engine.is_ours else "the engine that was already there"
    say("Docker", f"{whose} answers at {engine.host} (version {engine.version})")
    _put_first_in_path(machine, engine.client)
    return {"DOCKER_HOST": engine.host, "SAFECONDUCT_DOCKER": engine.client}


def find(machine: Machine) -> Engine | None:
    """Return the first engine that answers."""
    for host in _hosts(machine):
        for client in _clients():
            version = _version(client, host)
            if version:
                return Engine(machine, host, client, version)
    return None


def _hosts(machine: Machine) -> list[str]:
    hosts = [machine.environment.get("DOCKER_HOST", ""), _our_host(machine)]
    for client in _clients()[:1]:
        command = [client, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
        without = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
        with contextlib.suppress(CannotSetUp):
            hosts.append(run(command, environment=without).strip())
    return [host for host in hosts if host and not _is_missing_socket(host)]


def _is_missing_socket(host: str) -> bool:
    return host.startswith("unix://") and not Path(host.removeprefix("unix://")).exists()


def _clients() -> list[str]:
    """Return docker clients, the distribution's first: another one may be too new for the distribution's engine."""
    found = [shutil.which("docker", path="/usr/bin"), shutil.which("docker", path=_path_without_ours())]
    return list(dict.fromkeys(client for client in found if client))


def _path_without_ours() -> str:
    return os.pathsep.join(part for part in os.get_exec_path() if not part.endswith("/.run/bin"))


def _version(client: str, host: str) -> str:
    """Return the engine's version, or nothing when it does not answer this client."""
    command = [client, "--host", host, "version", "--format", "{{.Server.Version}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _put_first_in_path(machine: Machine, client: str) -> None:
    link = machine.run / "bin" / "docker"
    link.parent.mkdir(exist_ok=True)
    if not link.is_symlink() or str(link.readlink()) != client:
        link.unlink(missing_ok=True)
        link.symlink_to(client)


def _folder(machine: Machine) -> Path:
    return machine.run / "engine"


def _our_host(machine: Machine) -> str:
    return f"unix://{machine.sockets}/docker.sock"


def _start(machine: Machine) -> Engine:
    say("Docker", "no engine answers: starting a private one under .run")
    daemons.stop(machine, "dockerd")
    daemons.stop(machine, "containerd")
    state, containerd = machine.sockets / "engine-run", machine.sockets / "containerd.sock"
    for folder in (_folder(machine), state):
        folder.mkdir(mode=0o700, exist_ok=True)
    daemons.start(
        machine, "containerd", _containerd(machine, containerd), containerd.exists, as_root=True, seconds=START_SECONDS
    )
    daemons.start(
        machine,
        "dockerd",
        _dockerd(machine, containerd),
        lambda: _answers(machine),
        as_root=True,
        seconds=START_SECONDS,
    )
    engine = find(machine)
    if engine is None:
        raise CannotSetUp("Our private Docker engine started but does not answer: see .run/dockerd.log.")
    return engine


def _answers(machine: Machine) -> bool:
    return any(_version(client, _our_host(machine)) for client in _clients())


def _containerd(machine: Machine, socket: Path) -> list[str]:
    settings = _folder(machine) / "containerd.toml"
    settings.write_text(CONTAINERD_SETTINGS)
    folders = [
        "--root",
        str(_folder(machine) / "containerd"),
        "--state",
        str(machine.sockets / "engine-run/containerd"),
    ]
    return ["containerd", "--config", str(settings), *folders, "--address", str(socket), "--log-level", "warn"]


def _dockerd(machine: Machine, containerd: Path) -> list[str]:
    settings = _folder(machine) / "daemon.json"
    settings.write_text(json.dumps({**DOCKERD_SETTINGS, "runtimes": _runtimes()}))
    state = machine.sockets / "engine-run"
    return [
        "dockerd",
        *("--config-file", str(settings)),  # the system engine's own settings are not ours
        *("--data-root", str(_folder(machine) / "data")),
        *("--exec-root", str(state / "docker")),
        *("--pidfile", str(state / "docker.pid")),
        *("--containerd", str(containerd)),
        *("--host", _our_host(machine)),
        *("--group", str(os.getgid())),  # so that we reach it when sudo started it; the folder is ours alone
        "--bridge=none",
        "--iptables=false",
        *("--log-level", "warn"),
    ]


def _runtimes() -> dict[str, object]:
    """Return other OCI runtimes that the machine has, for nodes to choose: gVisor, without its own network."""
    gvisor = shutil.which("runsc", path="/usr/bin")
    return {"runsc": {"path": gvisor, "runtimeArgs": ["--network=none", "--oci-seccomp"]}} if gvisor else {}


def remove(machine: Machine) -> None:
    """End our engine and remove its data; from an engine that was already there, remove this checkout's images."""
    engine = find(machine)
    if engine and engine.is_ours:
        _empty(engine)
    elif engine:
        _remove_labelled(machine, engine)
    for name in ("dockerd", "containerd"):
        if daemons.stop(machine, name):
            say("Docker", f"ended {name}")
    # Each container has a process beside it, which a container manager that was killed does not take along.
    daemons.kill(machine, daemons.naming(machine.sockets / "containerd.sock"))
    _remove_folders(machine)


def _empty(engine: Engine) -> None:
    containers = engine.docker("ps", "--all", "--quiet").split()
    if containers:
        engine.docker("rm", "--force", "--volumes", *containers, seconds=120)


def _remove_labelled(machine: Machine, engine: Engine) -> None:
    labelled = engine.docker("images", "--quiet", "--no-trunc", "--filter", f"label={LABEL}={machine.name}").split()
    for image in dict.fromkeys([*_loaded_from_archives(machine), *labelled]):
        with contextlib.suppress(CannotSetUp):  # one that is gone, or that a container still uses
            engine.docker("rmi", "--force", image)
            say("Docker", f"removed the image {image[:19]}")


def _loaded_from_archives(machine: Machine) -> list[str]:
    """Return the identities of the image archives under .run: nodes loaded them, and their configuration is bare."""
    found = []
    for archive in machine.run.rglob("*.tar"):
        with contextlib.suppress(OSError, tarfile.TarError, LookupError, ValueError), tarfile.open(archive) as members:
            manifest = members.extractfile("manifest.json")
            found += re.findall(
                r'"Config":\s*"(?:blobs/sha256/)?([0-9a-f]{64})', manifest.read().decode() if manifest else ""
            )
    return [f"sha256:{digest}" for digest in found]


def _remove_folders(machine: Machine) -> None:
    """Unmount what the engine left mounted, then remove its folders; both belong to root."""
    folders = [folder for folder in (_folder(machine), machine.sockets / "engine-run") if folder.exists()]
    if not folders:
        return
    for mount in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        target = mount.split()[1]
        if any(target == str(folder) or target.startswith(f"{folder}/") for folder in folders):
            machine.as_root([sys.executable, "-I", "-c", UNMOUNT, target])
    machine.as_root(["rm", "-rf", "--one-file-system", *map(str, folders)], seconds=300)
