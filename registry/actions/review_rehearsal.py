"""What was rehearsed of a version, and what its projects have already run: for whoever decides on it."""

from dataclasses import dataclass

from protocol.documents.algorithm import Algorithm
from protocol.documents.amount import write_nano
from protocol.documents.receipt import Receipt
from registry.actions import accepted, rehearsal
from registry.actions.review import Whole
from registry.domain.rehearsed import Rehearsed, look_at
from registry.domain.review_acts import Role
from registry.store import document, order, review
from registry.store.base import Transaction

RUNS_MOST = 200
_DECIDING = frozenset({Role.CHAIR, Role.MEMBER, Role.UNDECLARED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsals:
    """The reports on a version, and the datasets whose report is still awaited."""

    reports: tuple[Rehearsed, ...]
    awaited: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRun:
    """One decided order of a project, without its parameters; what it released is sealed to its researcher."""

    issued: str
    algorithm: str
    digest: str
    node: str
    dataset: str
    decision: str
    rho: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRuns:
    """What one project has run: the newest first, and what all of these cost at each dataset."""

    project: str
    runs: tuple[EarlierRun, ...]
    spent: tuple[tuple[str, str], ...]
    more: bool


def rehearsals_of(tx: Transaction, whole: Whole, algorithm: Algorithm) -> Rehearsals:
    """Return what was rehearsed."""
    row = whole.review.algorithm
    found = rehearsal.evidence(tx, [row.digest]).get(row.digest, ())
    return Rehearsals(
        reports=tuple(look_at(each.report, algorithm) for each in found), awaited=rehearsal.awaited(tx, row)
    )


def runs_of(tx: Transaction, whole: Whole) -> tuple[ProjectRuns, ...]:
    """Return what the projects of a request have run, to members who decide on it; nothing to anybody else."""
    if whole.review.role not in _DECIDING:
        return ()
    return tuple(_runs(tx, each.project) for each in whole.requests)


def _runs(tx: Transaction, project: str) -> ProjectRuns:
    rows = order.of_project(tx, project, limit=RUNS_MOST + 1)
    receipts = [
        accepted.read(raw, Receipt)
        for row in rows[:RUNS_MOST]
        for raw in document.envelopes(tx, [row.receipt or ""])  # none once erased
    ]
    spent: dict[str, int] = {}
    for each in receipts:
        place = f"{each.dataset} at {each.node}"
        spent[place] = spent.get(place, 0) + each.rho_charged_nano
    return ProjectRuns(
        project=project,
        runs=tuple(_run(tx, each) for each in receipts),
        spent=tuple((place, write_nano(nano)) for place, nano in sorted(spent.items())),
        more=len(rows) > RUNS_MOST,
    )


def _run(tx: Transaction, receipt: Receipt) -> EarlierRun:
    row = review.algorithm(tx, receipt.algorithm)
    return EarlierRun(
        issued=f"{receipt.issued:%Y-%m-%d %H:%M} UTC",
        algorithm=f"{row.name} {row.version}" if row else receipt.algorithm[:12],
        digest=receipt.algorithm,
        node=receipt.node,
        dataset=receipt.dataset,
        decision=receipt.decision,
        rho=write_nano(receipt.rho_charged_nano),
    )
