"""Ring again for what fell silent, and clear away what has no owner: losing the whole broker costs seconds."""

from sandbox.actions.node import Node
from sandbox.domain.checks import BEAT, WORKER
from sandbox.store import job
from sandbox.store.checks import forget_parts


def sweep(node: Node) -> int:
    """Ring for every due job that nobody works on, and keep the clock's mark; return how many rings that were."""
    node.clock.save()
    now = node.clock.now()
    with node.store.reading() as session:
        waiting = job.due_jobs(session, now)
    if not waiting:
        return 0
    with node.store.transaction() as session:
        return job.ring_due(session, now)


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
