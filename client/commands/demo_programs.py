"""The programs of the demo: a registry and nodes as child processes of this one, started through their own commands.

Every child has its own process group and its own log file. What is started here is stopped here, by process id, and
nothing else is.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import httpx

from client.errors import ClientError

GRACE_SECONDS: Final = 40.0  # a node gives its worker thirty seconds
KILL_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.25
ANSWER_SECONDS: Final = 2.0
LOG_LINES: Final = 12


class ProgramFailed(ClientError):
    """A program of the demo ended when it should have run, or failed at what it was asked to do."""


@dataclass(slots=True)
class Child:
    """One running program."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def check_alive(self) -> None:
        """Raise ProgramFailed if it has ended."""
        if self.process.poll() is not None:
            raise failed(self.name, self.process.returncode, self.log)

    def said(self, words: str) -> bool:
        """Say whether the program has written these words."""
        return words in self.log.read_text(encoding="utf-8", errors="replace")

    def ask_to_end(self, how: signal.Signals) -> None:
        """Send a signal to the program and the processes it made."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)


@dataclass(slots=True)
class Programs:
    """Everything that the demo started. Leaving the `with` block stops it all."""

    logs: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: bool = False

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, arguments: Sequence[str]) -> Child | None:
        """Start `safeconduct …` and leave it running; its output goes to its log. None when the end has begun."""
        with self._lock:
            return None if self._ended else self._start(name, arguments, keep_output=False)

    def begin(self, name: str, arguments: Sequence[str]) -> Task:
        """Start a command that will end by itself."""
        with self._lock:
            return Task(self._start(name, arguments, keep_output=True))

    def _start(self, name: str, arguments: Sequence[str], *, keep_output: bool) -> Child:
        log = self.logs / f"{name}.log"
        with log.open("ab") as written:
            process = subprocess.Popen(  # noqa: S603  our own program, with arguments of our own
                [*command(), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if keep_output else written,
                stderr=written,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        child = Child(name, process, log)
        self.children.append(child)
        return child

    def run(self, name: str, arguments: Sequence[str]) -> Any:
        """Run a command to its end and return what it printed, read as JSON."""
        return self.begin(name, arguments).result()

    def check_alive(self) -> None:
        """Raise ProgramFailed if a program that should run has ended; commands that ended well are forgotten."""
        for child in list(self.children):
            if child.process.stdout is not None:
                if child.process.poll() == 0:
                    self.children.remove(child)
                continue
            child.check_alive()

    def answers(self, url: str) -> bool:
        """Say whether a program answers well at an address."""
        try:
            return httpx.get(url, timeout=ANSWER_SECONDS).is_success
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        """End every child: politely, then by force. Nothing is started after this."""
        with self._lock:
            self._ended = True
        running = [child for child in self.children if child.process.poll() is None]
        for child in reversed(running):
            child.ask_to_end(signal.SIGTERM)
        _wait(running, GRACE_SECONDS)
        for child in running:
            child.ask_to_end(signal.SIGKILL)
        _wait(running, KILL_SECONDS)
        self.children.clear()


@dataclass(slots=True)
class Task:
    """A command on its way to its end."""

    child: Child

    def result(self) -> Any:
        """Wait for the end and return what was printed, read as JSON; None if nothing was."""
        printed, _ = self.child.process.communicate()
        if self.child.process.returncode != 0:
            raise failed(self.child.name, self.child.process.returncode, self.child.log)
        text = printed.decode("utf-8").strip()
        try:
            return json.loads(text) if text else None
        except ValueError as problem:
            sentence = f"`{self.child.name}` printed something that is not JSON; see {self.child.log}."
            raise ProgramFailed("demo-program-output", sentence) from problem


def command() -> list[str]:
    """Return how the installed `safeconduct` is called: the one beside this Python, else this Python itself."""
    beside = Path(sys.executable).with_name("safeconduct")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "client.cli"]


def free_port(wanted: int = 0) -> int:
    """Return a local port that nobody listens on now: the wanted one, if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was left a minute ago is free
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ready: Callable[[], bool], *, seconds: float, what: str, check: Callable[[], None]) -> None:
    """Wait for something, and stop at once when a program it depends on has died."""
    deadline = time.monotonic() + seconds
    while not ready():
        check()
        if time.monotonic() > deadline:
            sentence = f"{what} did not happen within {seconds:.0f} s. Look at the logs, then run `safeconduct doctor`."
            raise ProgramFailed("demo-too-slow", sentence)
        time.sleep(POLL_SECONDS)


def failed(name: str, code: int | None, log: Path) -> ProgramFailed:
    """Return the error for a program that failed, with the end of its log."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:] if log.exists() else []
    last = "\n    ".join(["", *lines]) if lines else " nothing"
    return ProgramFailed("demo-program-failed", f"`{name}` ended with code {code}. Its log {log} ends with:{last}")


def _wait(children: Sequence[Child], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, deadline - time.monotonic()))
