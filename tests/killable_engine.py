"""A Docker engine of a test's own, which it may kill: started as set-up starts one where none answers."""

import os
import signal
import tempfile
from pathlib import Path

import daemons
import engine as engines
from machine import Machine


class KillableEngine:
    """An engine that runs until it is killed, and may run again on the same data."""

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0:
            import pytest

            pytest.skip("an engine of our own needs root")
        hidden = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
        self._machine = Machine(Path(tempfile.mkdtemp(prefix="sc-", dir=folder)), hidden)
        self._machine.make_folders()
        self.run()

    def run(self) -> None:
        """Start it, or start it again."""
        self.url = engines._start(self._machine).host

    def kill(self) -> None:
        """End the daemon; what its containers do then is its own affair."""
        daemons.stop(self._machine, "dockerd")

    def crash(self) -> None:
        """End daemon and container manager at once, as the kernel does when memory is short."""
        for name in ("dockerd", "containerd"):
            number = int((self._machine.run / f"{name}.pid").read_text())
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)  # or the next one would find the number taken

    def close(self) -> None:
        """End it, and remove its data."""
        engines.remove(self._machine)
