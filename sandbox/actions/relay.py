"""Take rings from the outbox to the broker: at least once, in their order, only after they were committed."""

from collections.abc import Callable

from sandbox.actions.node import Node
from sandbox.store import job

BATCH = 100

Publish = Callable[[str], None]


def relay(node: Node, publish: Publish) -> int:
    """Publish what the outbox holds and forget it; return how many rings that were.

    A crash between the two rings twice, which a tick does not mind: the second claim finds nothing due.
    """
    with node.store.reading() as session:
        rings = job.unsent_rings(session, BATCH)
    if not rings:
        return 0
    for job_id in dict.fromkeys(job_id for _, job_id in rings):
        publish(job_id)
    with node.store.transaction() as session:
        job.forget_rings(session, [row for row, _ in rings])
    return len(rings)
