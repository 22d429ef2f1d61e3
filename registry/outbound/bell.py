"""The bell beside each node's queue: wakes the long-polls of a node when something was put in.

A ring carries nothing and may be lost; the database is the truth, and whoever waits looks there again and again.
A waiting poll costs one small object: no thread, no database connection.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Bell:
    """Rung from any thread, heard on the event loop."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._lock = threading.Lock()
        self._ears: dict[str, set[Ear]] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the registry is going down; nobody should begin to wait."""
        return self._closed

    @property
    def listeners(self) -> int:
        """How many long-polls wait at this moment."""
        with self._lock:
            return sum(len(ears) for ears in self._ears.values())

    @contextmanager
    def listening(self, node: str) -> Iterator["Ear"]:
        """Listen for `node`. Look into the queue after this and before waiting, so that no ring falls between."""
        ear = Ear(asyncio.get_running_loop())
        with self._lock:
            self._ears.setdefault(node, set()).add(ear)
        try:
            yield ear
        finally:
            with self._lock:
                self._ears[node].discard(ear)
                if not self._ears[node]:
                    del self._ears[node]

    def ring(self, node: str) -> None:
        """Wake everybody who listens for `node`. Call it after the commit."""
        with self._lock:
            ears = list(self._ears.get(node, ()))
        for ear in ears:
            ear.wake()

    def close(self) -> None:
        """Wake everybody, so that the server can stop without waiting for them."""
        self._closed = True
        with self._lock:
            ears = [ear for several in self._ears.values() for ear in several]
        for ear in ears:
            ear.wake()


class Ear:
    """One waiting long-poll."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Belong to `loop`."""
        self._loop = loop
        self._rung = asyncio.Event()

    def wake(self) -> None:
        """Thread-safe; a loop that is already closed has nobody left to wake."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._rung.set)

    async def heard(self, timeout_seconds: float) -> bool:
        """Wait for the next ring, at most so long; says whether it came."""
        try:
            await asyncio.wait_for(self._rung.wait(), timeout_seconds)
        except TimeoutError:
            return False
        self._rung.clear()
        return True
