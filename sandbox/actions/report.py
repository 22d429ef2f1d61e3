"""Step 15: send the end of a job. The receipt is acknowledged first, then the release; the same bytes every time."""

from sandbox.actions.work import Pause, Work, pause_until
from sandbox.domain.job import JobState
from sandbox.errors import RegistryDeclined
from sandbox.store import job


def report(work: Work) -> Pause | None:
    """Send what is sealed and not yet acknowledged; a sealed job is then `reported`, and nothing is left to do."""
    node = work.node
    if work.row.release_at is not None and (early := pause_until(work, work.row.release_at)):
        return early  # whoever rang: nothing of a padded job leaves before its time
    with node.store.reading() as session:
        sealed = job.read_sealed(session, work.row.id)
    if sealed is None:
        raise RuntimeError("a job that has ended has no sealed end")
    try:
        if sealed.receipt_acknowledged_at is None:
            node.registry.send_receipt(sealed.receipt)
            with node.store.transaction() as session:
                job.acknowledge(session, work.held, node.clock.now(), receipt=True)
        if sealed.ciphertext is not None and sealed.release_acknowledged_at is None:
            node.registry.send_release(work.row.id, sealed.ciphertext)
    except RegistryDeclined as declined:
        return _give_up(work, declined)
    if sealed.ciphertext is not None:
        _close(work)
    return Pause(due_at=None)


def _close(work: Work) -> None:
    """Note that the registry has the release, and with it all there is."""
    now = work.node.clock.now()
    with work.node.store.transaction() as session:
        job.acknowledge(session, work.held, now, receipt=False)
        if work.state is JobState.SEALED:
            job.move(session, work.held, JobState.REPORTED, now)


def _give_up(work: Work, declined: RegistryDeclined) -> Pause:
    """Stop offering what the registry will not take; the sealed bytes stay here for whoever asks."""
    with work.node.store.transaction() as session:
        job.note(session, work.held, code=f"declined-{declined.code}"[:100])
    return Pause(due_at=None)
