"""What an author asks, in a committee's terms: the request, each node and dataset, its consent and its budget.

What a node has not told is said to be untold; nothing here is guessed, and nothing is believed that a node would not
check again by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

from protocol.documents.algorithm import Algorithm
from protocol.documents.amount import NANO, write_nano
from protocol.documents.approval import Conditions
from protocol.documents.strict import build
from registry.actions.catalogue import left_at, offered_by
from registry.domain.consent import Consent, describe, judge
from registry.domain.terms import SETS
from registry.store.base import Transaction
from registry.store.tables_review import ReviewRequest

UNTOLD = "not told by the node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One dataset at one node that a request asks for. `people` and `left` are words: what the node told, or not."""

    node: str
    dataset: str
    people: str
    left: str
    codes: tuple[str, ...]
    consent: Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request in a committee's terms. `guess`: how often a 50/50 guess about one person is right, in percent."""

    request: ReviewRequest
    conditions: Conditions
    rho_job: str
    rho_node: str
    guess: str
    purposes: tuple[str, ...]
    places: tuple[Place, ...]

    @property
    def choices(self) -> dict[str, list[tuple[str, str]]]:
        """The names that a member may leave out, as a form's value and label."""
        return {name: [(each, each) for each in getattr(self.conditions, name)] for name in SETS}


def asked_of(tx: Transaction, request: ReviewRequest, algorithm: Algorithm) -> Asked:
    """Return one request with what the nodes tell of the datasets that it asks for."""
    conditions = build(Conditions, request.conditions)
    most = conditions.rho_total_per_node_nano
    return Asked(
        request=request,
        conditions=conditions,
        rho_job=write_nano(conditions.rho_per_job_nano),
        rho_node=write_nano(most),
        guess=f"{100 * min(1.0, 0.5 + 0.5 * sqrt(most / NANO / 2)):.1f}",
        purposes=tuple(describe(each) for each in conditions.purposes),
        places=tuple(_places(tx, request, conditions, algorithm)),
    )


def _places(tx: Transaction, request: ReviewRequest, conditions: Conditions, algorithm: Algorithm) -> Iterator[Place]:
    """Each node with each dataset that it offers; a node that offers none of them is shown, too."""
    for node in conditions.nodes:
        left = _left(tx, node)
        wanted = [entry for entry in offered_by(tx, node) if entry.dataset in conditions.datasets]
        for entry in wanted:
            yield Place(
                node=node,
                dataset=entry.dataset,
                people=f"{entry.people:,}",
                left=left.get(entry.dataset, UNTOLD),
                codes=tuple(describe(code) for code in entry.duo),
                consent=judge(entry.duo, algorithm, conditions, request.persons),
            )
        if not wanted:
            none = Consent(covered=None, words="offers none of the datasets that are asked for")
            yield Place(node=node, dataset="none", people=UNTOLD, left=UNTOLD, codes=(), consent=none)


def _left(tx: Transaction, node: str) -> dict[str, str]:
    """Return what a node told of each dataset's budget, in words."""
    return {
        one.dataset: f"{write_nano(one.rho_left_nano)} of {write_nano(one.rho_cap_nano)}, "
        f"told at {at:%Y-%m-%d %H:%M} UTC"
        for one, at in left_at(tx, node)
    }
