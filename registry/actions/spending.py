"""What a researcher's own receipts tell of a budget: spent under the approvals, and left as the node last told.

Only one's own receipts are read. What others spent is not theirs to see; a node's word on what is left includes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from protocol.documents.approval import Conditions
from protocol.documents.job_order import OrderDraft
from protocol.documents.receipt import Receipt
from registry.actions import accepted
from registry.store import document, order
from registry.store.base import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Nano-ρ and runs at one node. `allowed` and `runs_allowed` are the approvals' least; `told` is None if never told.

    spent, runs: by the researcher's own orders of this version for this project at this node.
    """

    spent_nano: int
    allowed_nano: int
    runs: int
    runs_allowed: int
    told_nano: int | None
    told_at: datetime | None

    @property
    def left_nano(self) -> int:
        """What one's own orders leave of the approvals."""
        return max(0, self.allowed_nano - self.spent_nano)


def spending(tx: Transaction, made: OrderDraft, conditions: Sequence[Conditions]) -> Spending:
    """Return what is known of the budget that an order would draw on."""
    mine = order.with_receipts(tx, made.researcher, made.project, made.node)
    receipts = [accepted.read(raw, Receipt) for raw in document.envelopes(tx, [str(row.receipt) for row in mine])]
    ours = [one for one in receipts if one.algorithm == made.algorithm]
    told = [one for one in receipts if one.dataset == made.dataset]
    newest = max(told, key=lambda one: (one.issued, -one.rho_left_nano), default=None)
    return Spending(
        spent_nano=sum(one.rho_charged_nano for one in ours),
        allowed_nano=min(one.rho_total_per_node_nano for one in conditions),
        runs=sum(one.rho_charged_nano > 0 for one in ours),
        runs_allowed=min(one.runs_per_node for one in conditions),
        told_nano=newest.rho_left_nano if newest else None,
        told_at=newest.issued if newest else None,
    )
