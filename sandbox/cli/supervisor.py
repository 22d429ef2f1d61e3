"""`node run`: one process that starts the loops and the worker, watches the worker, and ends with everything.

The worker is a process group of its own. When it dies, what is left of the group is killed, the leases of its
processes are ended at once instead of running out, and a new one is started. On SIGTERM and SIGINT the worker gets
time to finish its slice; a second signal kills it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING

from sandbox.errors import Conflict, InfrastructureLost
from sandbox.worker.names import ALIVE, LOCK_FILE, READY_FILE, Part, owner_prefix

if TYPE_CHECKING:
    from sandbox.actions.node import Node
    from sandbox.settings import Settings
    from sandbox.worker.service import Service

LOOK_SECONDS = 0.1
WORKER_END_SECONDS = 30.0
RESTART_SECONDS = (0.0, 1.0, 2.0, 5.0, 10.0)  # before the first, second, … restart within a minute
STABLE_SECONDS = 60.0


class Supervisor:
    """Runs one node until it is told to end."""

    def __init__(self, settings: Settings, say_ready: Callable[[], None], parts: Sequence[Part] = tuple(Part)) -> None:
        self._settings = settings
        self._parts = parts
        self._say_ready = say_ready
        self._node: Node | None = None
        self._ending = False
        self._deaths: list[float] = []
        self._worker: subprocess.Popen[bytes]

    def run(self) -> None:
        """Run until a signal; returns when every child has ended. Raises what keeps the node from opening.

        The worker is started before this process opens the node: both take about as long, on a core each.
        """
        lock = self._lock()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._ready_file.unlink(missing_ok=True)
        self._worker = self._start_worker()
        try:
            self._serve()
        finally:
            self._end()
            self._unlock(lock)

    def _serve(self) -> None:
        from sandbox.worker.service import Service
        from sandbox.worker.wiring import open_node

        node = self._node = open_node(self._settings)
        service = Service(node=node, settings=self._settings)
        try:
            service.start(self._parts)
            self._watch(service)
        finally:
            service.stop.set()

    def _watch(self, service: Service) -> None:
        """Wait for the end, and start the worker anew as often as it dies."""
        ready = False
        while not self._ending:
            if not ready and self._ready_file.exists():
                ready = True
                self._say_ready()
            if self._worker.poll() is not None:
                self._replace()
                service.wake.set()
            time.sleep(LOOK_SECONDS)

    def _start_worker(self) -> subprocess.Popen[bytes]:
        """Start the worker in a group of its own; SIGTERM lets it finish the ticks that run, and take no new ones."""
        command = [sys.executable, "-m", "sandbox.worker", str(self._settings.directory)]
        return subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)  # noqa: S603

    def _replace(self) -> None:
        """Clear away a dead worker and start the next, slower each time within a minute."""
        _kill_group(self._worker.pid)
        self._bury()
        now = time.monotonic()
        self._deaths = [at for at in self._deaths if now - at < STABLE_SECONDS]
        time.sleep(RESTART_SECONDS[min(len(self._deaths), len(RESTART_SECONDS) - 1)])
        self._deaths.append(now)
        self._worker = self._start_worker()

    def _bury(self) -> None:
        """End the leases of the worker that is dead, and no longer count it among the living."""
        from sandbox.actions.sweep import bury_worker

        if self._node is not None:
            bury_worker(self._node, owner_prefix(self._node.machine, self._worker.pid))

    def _end(self) -> None:
        """Let the worker finish, within bounds, and leave nothing of it behind."""
        self._worker.terminate()
        try:
            self._worker.wait(WORKER_END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _kill_group(self._worker.pid)
            self._worker.wait()
            with contextlib.suppress(InfrastructureLost):  # the leases then run out by themselves
                self._bury()
            self._ready_file.unlink(missing_ok=True)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._ending:
            raise KeyboardInterrupt  # a second signal: no more patience
        self._ending = True

    @property
    def _ready_file(self) -> Path:
        return self._settings.run_directory / READY_FILE

    def _lock(self) -> IO[str]:
        """Refuse to run the same node twice on one machine."""
        path = self._settings.run_directory / LOCK_FILE
        while True:
            path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # another one ended just now, and removed the directory
                lock = path.open("a")
                _take(lock)
                if path.stat().st_ino == os.fstat(lock.fileno()).st_ino:
                    return lock
                lock.close()

    def _unlock(self, lock: IO[str]) -> None:
        """Give the lock back, and leave nothing in memory unless a job still needs it."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self._settings.run_directory / ALIVE, ignore_errors=True)
            (self._settings.run_directory / LOCK_FILE).unlink()
            self._settings.run_directory.rmdir()
        lock.close()


def _take(lock: IO[str]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise Conflict("node-running", "This node is running already in another process.") from error


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
