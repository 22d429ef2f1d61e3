"""Take rings from the outbox to the broker: at least once, in their order, only after they were committed."""

from collections.abc import Callable

from sandbox.actions.node import Node
from sandbox.store import rings

BATCH = 100

Publish = Callable[[str, str | None], None]  # a job, and the one machine to be rung for it


def relay(node: Node, publish: Publish) -> int:
    """Publish what the outbox holds and forget it; return how many rings that were.

    A crash between the two rings twice, which a tick does not mind: the second claim finds nothing due.
    """
    since = node.clock.now() - node.times.silence
    with node.store.reading() as session:
        unsent = rings.unsent_rings(session, BATCH, since)
    if not unsent:
        return 0
    for job_id, machine in {job_id: machine for _, job_id, machine in unsent}.items():
        publish(job_id, machine)
    with node.store.transaction() as session:
        rings.forget_rings(session, [row for row, _, _ in unsent])
    return len(unsent)
