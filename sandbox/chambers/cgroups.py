"""Whether anything of a container still runs, asked of the kernel and not of the engine.

A first process that lets itself be traced makes the engine report "exited" while it runs on. The chambers' launcher and
their list of system calls both prevent that; this is the third lock: after a chamber ended its cgroup must be gone or
empty.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sandbox.chambers.limits import GONE_SECONDS, SETTLE_SECONDS
from sandbox.errors import InfrastructureLost

_ROOT = Path("/sys/fs/cgroup")
_PAUSE_SECONDS = 0.005


class Cgroups:
    """Finds containers' cgroups, with either cgroup version and either of the engine's drivers."""

    def __init__(self, driver: str) -> None:
        self._root = _hierarchy()
        self._pattern = "system.slice/docker-{}.scope" if driver == "systemd" else "docker/{}"

    def learn(self, container_id: str, pid: int) -> None:
        """Learn from a living container where the engine puts its cgroups, if it is elsewhere than by default."""
        try:
            lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        except OSError:
            return
        for line in lines:
            path = line.split(":", 2)[2]
            if container_id in path and (self._root / path.lstrip("/")).is_dir():
                self._pattern = path.lstrip("/").replace(container_id, "{}")

    def check_visible(self, container_id: str, runs: Callable[[], bool]) -> None:
        """Refuse to go on where a chamber that runs, by the engine's word, cannot be seen: nobody could say it is over.

        Another engine's cgroups on this machine do not answer for it. Of one that has ended only the place shows.
        """
        if not self._is_seen(container_id, runs):
            raise InfrastructureLost(
                "cgroups-hidden",
                f"No process of a running chamber is under {self._root}: run the worker on the engine's own machine, "
                "and in a container with `pid: host` and the machine's /sys/fs/cgroup.",
            )

    def _is_seen(self, container_id: str, runs: Callable[[], bool]) -> bool:
        give_up = time.monotonic() + GONE_SECONDS
        while not self._processes(container_id):
            if not runs():
                return (self._root / self._pattern).parent.is_dir()
            if time.monotonic() > give_up:  # the engine may learn of an end later than the kernel, but not for so long
                return False
            time.sleep(_PAUSE_SECONDS)
        return True

    def clear(self, container_id: str) -> bool:
        """Kill what is left of an ended container; return whether nothing was.

        An OCI runtime's own helpers, such as gVisor's, may take a moment longer than the engine's word.
        """
        settled = time.monotonic() + SETTLE_SECONDS
        while self._processes(container_id):
            if time.monotonic() > settled:
                break
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
        give_up = time.monotonic() + GONE_SECONDS
        while pids := self._processes(container_id):
            if time.monotonic() > give_up:
                raise InfrastructureLost(
                    "chamber-runs-on", "A chamber's process cannot be killed; restart the machine."
                )
            for pid in pids:
                _kill(pid)
            time.sleep(_PAUSE_SECONDS)
        return False

    def _processes(self, container_id: str) -> list[int]:
        try:
            text = (self._root / self._pattern.format(container_id) / "cgroup.procs").read_text()
        except OSError:  # the engine has removed it, which it can only do once it is empty
            return []
        return [int(word) for word in text.split()]


def _hierarchy() -> Path:
    """The unified hierarchy, or with cgroup version 1 the one that counts processes."""
    return _ROOT if (_ROOT / "cgroup.controllers").exists() else _ROOT / "pids"


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # whoever is still there is counted again
        os.kill(pid, signal.SIGKILL)
