"""Find the snapshot that a job was charged for."""

from sandbox.actions.work import Work
from sandbox.errors import InfrastructureLost
from sandbox.store import ledger
from sandbox.store.dataset import Offered, read_snapshot
from sandbox.store.ledger_head import write_head


def charged_snapshot(work: Work) -> Offered:
    """Find the snapshot that was charged, after the ledger's head is safe outside the database."""
    with work.node.store.reading() as session:
        write_head(work.node.places.ledger_head, ledger.head(session))
        offered = read_snapshot(session, work.terms.facts.snapshot)
    if offered is None:
        raise InfrastructureLost("snapshot-missing", "The snapshot that was charged is no longer on this node.")
    return offered
