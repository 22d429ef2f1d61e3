"""Ring again for what fell silent, and clear away what has no owner: losing the whole broker costs seconds."""

from sandbox.actions.node import Node
from sandbox.domain.checks import BEAT, WORKER
from sandbox.store import job, rings
from sandbox.store.checks import forget_parts
from sandbox.store.turns import is_somebody_waiting, wake_next


def sweep(node: Node) -> int:
    """Ring for every due job that nobody works on and for the next in turn, and keep the clock's mark; count rings."""
    node.clock.save()
    now = node.clock.now()
    with node.store.reading() as session:
        waiting = rings.due_jobs(session, now)
        in_line = is_somebody_waiting(session)
    if not (waiting or in_line):
        return 0
    with node.store.transaction() as session:
        return rings.ring_due(session, now) + wake_next(session, node.limits, now)


def bury_worker(node: Node, owner_prefix: str) -> int:
    """End the leases of a worker process that is known to be dead, so that its jobs need not wait them out."""
    now = node.clock.now()
    with node.store.transaction() as session:
        forget_parts(session, f"{WORKER}{owner_prefix}", now + BEAT)
        return job.end_leases_of(session, owner_prefix, now)


def reap(node: Node) -> int:
    """Remove, at start, every chamber whose job is over and every staged block that no job needs."""
    with node.store.reading() as session:
        live = job.live_jobs(session)
    node.remove_run_directories(keep=live)
    return node.runtime.reap(live)
