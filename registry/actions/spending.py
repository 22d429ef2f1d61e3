"""What is known of the budgets that an order would draw on, and whether they are too small for it.

Of receipts only the researcher's own are read: what others spent is not theirs to see. A node's word on what is left,
in a receipt or of a dataset in public, includes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from protocol.chain.foresee import Foreseen
from protocol.documents.amount import write_nano
from protocol.documents.approval import Conditions
from protocol.documents.job_order import OrderDraft
from protocol.documents.receipt import Receipt
from registry.actions import accepted
from registry.actions.catalogue import left_at
from registry.store import document, order
from registry.store.base import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Nano-ρ and runs at one node. `allowed` and `runs_allowed` are the approvals' least; None stands for never told.

    spent, runs: by the researcher's own orders under these approvals at this node. told: in the newest receipt for this
    project and dataset, `told_alike` if for this version, too. dataset: of the dataset's budget, as its node tells all.
    """

    spent_nano: int
    allowed_nano: int
    runs: int
    runs_allowed: int
    told_nano: int | None
    told_at: datetime | None
    told_alike: bool
    dataset_nano: int | None
    dataset_at: datetime | None

    @property
    def left_nano(self) -> int:
        """What one's own orders leave of the approvals."""
        return max(0, self.allowed_nano - self.spent_nano)


def spending(tx: Transaction, made: OrderDraft, conditions: Sequence[Conditions]) -> Spending:
    """Return what is known of the budget that an order would draw on."""
    mine = order.with_receipts(tx, made.researcher, made.project, made.node)
    receipts = [accepted.read(raw, Receipt) for raw in document.envelopes(tx, [str(row.receipt) for row in mine])]
    ours = [one for one in receipts if set(one.approvals) & set(made.approvals)]
    told = [one for one in receipts if one.dataset == made.dataset]
    dataset_nano, dataset_at = _of_dataset(tx, made)
    newest = max(told, key=lambda one: (one.issued, -one.rho_left_nano), default=None)
    return Spending(
        spent_nano=sum(one.rho_charged_nano for one in ours),
        allowed_nano=min(one.rho_total_per_node_nano for one in conditions),
        runs=sum(one.rho_charged_nano > 0 for one in ours),
        runs_allowed=min(one.runs_per_node for one in conditions),
        told_nano=newest.rho_left_nano if newest else None,
        told_at=newest.issued if newest else None,
        told_alike=newest is not None and newest.algorithm == made.algorithm,
        dataset_nano=dataset_nano,
        dataset_at=dataset_at,
    )


def foresee_short(known: Spending, made: OrderDraft) -> Iterator[Foreseen]:
    """Every refusal of an order that follows from what is known of its budgets."""
    needed = made.rho_nano
    if known.left_nano < needed:
        yield _short("approval-rho-exceeded", "Your approvals leave", known.left_nano, needed, "the committees")
    if known.runs >= known.runs_allowed:
        sentence = (
            f"Your {known.runs} runs at {made.node} are all that your approvals allow; ask the committees for more."
        )
        yield Foreseen("runs-exceeded", sentence)
    if known.told_alike and known.told_nano is not None and known.told_nano < needed:
        yield _short("budget-told", f"{made.node} last told you of", known.told_nano, needed, "its holder")
    if known.dataset_nano is not None and known.dataset_nano < needed:
        yield _short("budget-dataset", f"{made.dataset} has left", known.dataset_nano, needed, "its holder")


def _short(code: str, who: str, left: int, needed: int, whom: str) -> Foreseen:
    sentence = f"{who} ρ {write_nano(left)}, and this order needs {write_nano(needed)}. Ask for less, or ask {whom}."
    return Foreseen(code, sentence)


def _of_dataset(tx: Transaction, made: OrderDraft) -> tuple[int | None, datetime | None]:
    told = ((one.rho_left_nano, at) for one, at in left_at(tx, made.node) if one.dataset == made.dataset)
    return next(told, (None, None))
