"""After a restore of the ledger or of a whole node: no order is answered twice with different noise.

The rule is the fourth of `sandbox.domain.restore`, and the fourth of `sandbox.actions.backup`.
Asked before every step of every open job. A witnessed order ends with its witnessed receipt. A job that was charged
before the restore ends without a release: the one that it had then may have left. An order that is not charged is
refused if its window began before the restore: this node may have answered it and forgotten.
"""

import datetime as dt
from functools import partial

from protocol.documents.job_order import JobOrder
from sandbox.actions import end
from sandbox.actions.work import Step, Work
from sandbox.domain.job import BEFORE_CHARGE, CHARGED_AND_OPEN
from sandbox.errors import Refused
from sandbox.store import ledger
from sandbox.store.base import Session
from sandbox.store.mark import read_mark
from sandbox.store.restore import RESTORED, restored_from, restored_until, witnessed_receipt


def since_restore(work: Work) -> Step | None:
    """The step that ends this job because of a restore; None if it goes on as ever."""
    if work.state not in BEFORE_CHARGE | CHARGED_AND_OPEN:
        return None
    with work.node.store.reading() as session:
        if _may_be_answered(session, work):
            return end.withdraw
        until = restored_until(session)
        if until is None:
            return None
        receipt = witnessed_receipt(session, work.row.id)
        if receipt is not None:
            return partial(_repeat, receipt=receipt)
        if work.state in CHARGED_AND_OPEN:
            return end.withdraw if _charged_before(session, work.row.id) else None
        try:
            check_not_before(work.order, until)
        except Refused as refused:
            return partial(end.refuse, refused=refused)
    return None


def check_since_restore(session: Session, order_id: str, order: JobOrder) -> None:
    """Refuse an order that may have been answered before a restore; for previews, what `since_restore` does to jobs."""
    if witnessed_receipt(session, order_id) is not None:
        raise Refused("order-replayed", "This order was answered before the node was restored; sign a new order.")
    until = restored_until(session)
    if until is not None:
        check_not_before(order, until)


def check_not_before(order: JobOrder, until: dt.datetime) -> None:
    """Refuse an order whose window began before `until`: it may have been charged and answered, and forgotten."""
    if order.not_before < until:
        moment = until.strftime("%Y-%m-%d %H:%M:%S UTC")
        sentence = (
            f"The node was restored from a backup and takes orders that begin after {moment} only: sign a new one."
        )
        raise Refused("order-before-restore", sentence)


def _may_be_answered(session: Session, work: Work) -> bool:
    """Whether `node restore` found this job charged and unfinished: the lost node may have answered it meanwhile."""
    restored_at = read_mark(session, RESTORED) if work.state in CHARGED_AND_OPEN else None
    return restored_at is not None and work.row.charged_at is not None and work.row.charged_at <= restored_at


def _charged_before(session: Session, order_id: str) -> bool:
    entry = ledger.find(session, order_id)
    return entry is not None and entry.sequence < restored_from(session)


def _repeat(work: Work, receipt: bytes) -> None:
    end.repeat(work, receipt)
