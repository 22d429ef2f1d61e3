"""`received` to `verified`: steps 1 to 8, log and image. Nothing is charged and no data is touched."""

import datetime as dt

from sandbox.actions.examine import examine
from sandbox.actions.fetch_image import fetch_image
from sandbox.actions.turns import examine_need
from sandbox.actions.watch_log import prove
from sandbox.actions.work import Pause, Work
from sandbox.domain.job import JobState
from sandbox.store import job

IMAGE_PAUSE = dt.timedelta(seconds=0.5)  # another worker may be downloading it; do not spin


def verify(work: Work) -> Pause | None:
    """Examine the order, have the log prove its approvals, fetch its image; raises Refused if it must not run.

    A statistic has no image: it goes on at once.
    """
    node = work.node
    node.clock.check_not_behind()
    examined = examine(node, work.bundle, node.clock.now())
    examine_need(work, examined)
    prove(node, work.row.id, work.bundle, examined.verified.approval_digests)
    identity = examined.verified.algorithm.image
    image_id = fetch_image(node, identity, work.until) if identity else None
    now = node.clock.now()
    if identity and image_id is None:
        return Pause(due_at=now + IMAGE_PAUSE)
    with node.store.transaction() as session:
        job.move(session, work.held, JobState.VERIFIED, now, image_id=image_id)
    return None


def take_up(work: Work) -> Pause | None:
    """`held` to `received`: whatever the job waited for, it is verified anew."""
    now = work.node.clock.now()
    with work.node.store.transaction() as session:
        job.move(session, work.held, JobState.RECEIVED, now)
    return None
