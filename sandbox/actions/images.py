"""Forget images that nothing refers to any more: no order under way, and no approval that is live.

Nothing is lost by it: whoever orders under a new approval has the image fetched and checked anew.
"""

import datetime as dt
from collections.abc import Iterable

from protocol.chain import OrderBundle
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.envelope import read_claim
from protocol.documents.status import Revoked, Status
from sandbox.actions.node import Node
from sandbox.store import job
from sandbox.store.memory import newest_statuses


def forget_images(node: Node) -> int:
    """Remove such images from the engine, from memory and from the cache; return how many the engine had."""
    now, removed = node.clock.now(), 0
    with node.store.reading() as session:
        idle = job.idle_images(session)
        revoked = [read_claim(raw, Status).untrusted.revoked for raw in newest_statuses(session)]
    for image_id, bundle in ((image_id, OrderBundle.from_json(raw)) for image_id, raw in idle):
        algorithm = read_claim(bundle.algorithm, Algorithm)
        if _end_of(bundle, algorithm.digest, revoked, now) > now:
            continue
        if identity := algorithm.untrusted.image:
            found = node.runtime.find_image(identity)  # by the name that this machine's engine has for it
            removed += found is not None
            node.runtime.remove_image(found or image_id)
            for path in node.places.images.glob(f"{identity.archive_digest}.tar*"):
                path.unlink()
    return removed


def _end_of(bundle: OrderBundle, algorithm: str, revoked: Iterable[Revoked], now: dt.datetime) -> dt.datetime:
    """When the last of an order's approvals ends: now, if one of them or the algorithm was revoked."""
    approvals = [read_claim(raw, Approval) for raw in bundle.approvals]
    digests = {approval.digest for approval in approvals}
    if any(algorithm in one.algorithms or digests & set(one.approvals) for one in revoked):
        return now
    return max(approval.untrusted.conditions.expires for approval in approvals)
