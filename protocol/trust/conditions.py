"""What approvals allow, and whether an order stays within it."""

from collections.abc import Sequence
from datetime import datetime

from protocol.documents.approval import Approval, Conditions
from protocol.documents.job_order import JobOrder, OrderDraft
from protocol.documents.limits import CLOCK_SKEW
from protocol.errors import Refused


def check_window(order: JobOrder, now: datetime) -> None:
    """Refuse (``order-window``) an order that is not valid at ``now``."""
    if not order.not_before - CLOCK_SKEW <= now < order.not_after:
        raise Refused("order-window", "The order is not valid at this moment; sign a new one with the right window.")


def check_bound(approval: Approval, order: OrderDraft) -> None:
    """Refuse (``approval-other-…``) an approval of another algorithm, for another project, or for others to order."""
    if approval.algorithm != order.algorithm:
        raise Refused("approval-other-algorithm", f"{approval.member} approved another algorithm; ask for this one.")
    if approval.project != order.project:
        raise Refused("approval-other-project", f"{approval.member} approved another project than {order.project}.")
    if order.researcher not in approval.persons:
        raise Refused("approval-other-person", f"{approval.member} did not allow {order.researcher} to order.")


def check_permits(conditions: Conditions, order: OrderDraft, now: datetime) -> None:
    """Refuse (``approval-conditions``, ``approval-expired``) an order outside the conditions of its approvals."""
    broken = [
        what
        for what, kept in (
            ("node", order.node in conditions.nodes),
            ("dataset", order.dataset in conditions.datasets),
            ("purpose", order.purpose in conditions.purposes),
            ("rho_per_job_nano", order.rho_nano <= conditions.rho_per_job_nano),
            ("rho_total_per_node_nano", order.rho_nano <= conditions.rho_total_per_node_nano),
        )
        if not kept
    ]
    if broken:
        sentence = f"The approvals' conditions do not allow this order ({', '.join(broken)}); stay within them."
        raise Refused("approval-conditions", sentence)
    if now >= conditions.expires:
        raise Refused("approval-expired", "The approvals have expired; ask the committee for new ones.")


def permitting(agreed: Sequence[Conditions], order: OrderDraft, now: datetime) -> Conditions:
    """The first of several agreed sets of conditions that permits the order, or the last one's refusal."""
    *others, last = agreed
    for conditions in others:
        try:
            check_permits(conditions, order, now)
        except Refused:
            continue
        return conditions
    check_permits(last, order, now)
    return last


def tightest(agreed: Sequence[Conditions]) -> Conditions:
    """The conditions of several committees together: what all of them allow. They must all permit one order."""
    first, *rest = agreed
    for other in rest:
        first = Conditions(
            nodes=_common(first.nodes, other.nodes),
            datasets=_common(first.datasets, other.datasets),
            purposes=_common(first.purposes, other.purposes),
            rho_per_job_nano=min(first.rho_per_job_nano, other.rho_per_job_nano),
            rho_total_per_node_nano=min(first.rho_total_per_node_nano, other.rho_total_per_node_nano),
            runs_per_node=min(first.runs_per_node, other.runs_per_node),
            expires=min(first.expires, other.expires),
        )
    return first


def _common(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(ours) & set(theirs)))
