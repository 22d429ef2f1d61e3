"""Keep a claim alive while a worker works on it."""

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.actions.node import Node
from sandbox.errors import Fenced, InfrastructureLost
from sandbox.store import job
from sandbox.store.job import Claim

BEATS_PER_LEASE = 3


def take(node: Node, job_id: str, owner: str) -> Claim | None:
    """Claim a job for this worker, or return None: not due, not there, or somebody else's."""
    with node.store.transaction() as session:
        now, times = node.clock.now(), node.times
        return job.claim(session, job_id, owner, now, times.lease, machine=node.machine, since=now - times.silence)


@contextmanager
def kept_alive(node: Node, held: Claim) -> Iterator[None]:
    """Prolong the lease every third of its length until the block ends.

    A frozen process stops beating; its lease runs out and another worker takes over with a higher fence. What the
    frozen one writes when it wakes up meets that fence.
    """
    done = threading.Event()
    beat = threading.Thread(target=_beat, args=(node, held, done), name=f"lease-{held.job_id[:8]}", daemon=True)
    beat.start()
    try:
        yield
    finally:
        done.set()
        beat.join()


def _beat(node: Node, held: Claim, done: threading.Event) -> None:
    pause = node.times.lease / BEATS_PER_LEASE
    while not done.wait(pause / dt.timedelta(seconds=1)):
        try:
            with node.store.transaction() as session:
                job.extend(session, held, node.clock.now() + node.times.lease)
        except Fenced:
            return
        except InfrastructureLost:
            continue  # the next beat may get through; if none does, the lease runs out as it should
