"""What everybody may see of what ran: from the public part of the log's leaves, and nothing beyond it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from protocol.documents.algorithm import Algorithm
from protocol.documents.leaf import read_leaf
from protocol.documents.passkey import ON_REGISTRY_PAGE
from registry.actions import accepted
from registry.actions import log as log_actions
from registry.actions.desk import Desk
from registry.domain.caller import missing
from registry.domain.review import ReviewState
from registry.store import accreditation, document, log, review, tables
from registry.store.base import Transaction

DECIDED: Final = frozenset(
    {
        ReviewState.APPROVED,
        ReviewState.APPROVED_WITH_CONDITIONS,
        ReviewState.SUPERSEDED,
        ReviewState.SUSPENDED,
        ReviewState.EXPIRED,
        ReviewState.REVOKED,
    }
)
"""States in which it is no secret any more who approved: first votes are blind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One decided order, without researcher, project and parameters. `rho_nano` is what it cost, in nano-ρ."""

    position: int
    issued: str
    algorithm: str
    digest: str
    committees: tuple[str, ...]
    node: str
    country: str
    dataset: str
    decision: str
    rho_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogView:
    """The log's size, its signed checkpoint, and its newest leaves with their positions."""

    size: int
    checkpoint: str
    newest: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmView:
    """One algorithm version: what is indexed, what its author signed, and who approved it once that is no secret."""

    row: tables.Algorithm
    spec: Algorithm
    committees: tuple[str, ...]


def list_runs(desk: Desk, *, before: int | None, limit: int) -> tuple[Run, ...]:
    """Return what ran, the newest first; `before` is the last position of the page before."""
    with desk.store.reading() as tx:
        found = log.of_kind(tx, "receipt", before=before, limit=limit)
        shown = [(position, read_leaf(leaf.encode()).public) for position, leaf in found]
        digests = {str(public["algorithm"]) for _, public in shown}
        names = {digest: review.algorithm(tx, digest) for digest in digests}
        decided = {digest for digest, row in names.items() if row and ReviewState(row.state) in DECIDED}
        agreed = {digest: _committees(rows) for digest, rows in review.approvals(tx, decided).items()}
        countries = {node: _country(tx, node) for node in {str(public["node"]) for _, public in shown}}
    return tuple(_run(position, public, names, agreed, countries) for position, public in shown)


def show_log(desk: Desk, newest: int) -> LogView:
    """Return the log as it is now."""
    checkpoint = log_actions.checkpoint(desk)
    size = int(checkpoint.splitlines()[1])
    with desk.store.reading() as tx:
        start = max(0, size - newest)
        leaves = log.leaves(tx, start=start, stop=size)
    return LogView(size=size, checkpoint=checkpoint, newest=tuple(enumerate(leaves, start))[::-1])


def show_algorithm(desk: Desk, digest: str) -> AlgorithmView:
    """Return one version with its specification; Missing if there is none."""
    with desk.store.reading() as tx:
        row = review.algorithm(tx, digest)
        if row is None:
            raise missing("algorithm")
        (envelope,) = document.envelopes(tx, [digest])
        votes = review.approvals(tx, [digest] if ReviewState(row.state) in DECIDED else [])
    committees = _committees(votes.get(digest, ()))
    return AlgorithmView(row=row, spec=accepted.read(envelope, Algorithm), committees=committees)


def _run(
    position: int,
    public: Mapping[str, int | str],
    names: Mapping[str, tables.Algorithm | None],
    agreed: Mapping[str, tuple[str, ...]],
    countries: Mapping[str, str],
) -> Run:
    digest, node = str(public["algorithm"]), str(public["node"])
    row = names[digest]
    return Run(
        position=position,
        issued=str(public["issued"]),
        algorithm=f"{row.name} {row.version}" if row else digest[:12],
        digest=digest,
        committees=agreed.get(digest, ()),
        node=node,
        country=countries[node],
        dataset=str(public["dataset"]),
        decision=str(public["decision"]),
        rho_nano=int(public["rho_charged_nano"]),
    )


def _committees(rows: Iterable[tables.Approval]) -> tuple[str, ...]:
    """Return which committees approved, each with how many of its members signed on the registry's page, if any did."""
    signed: dict[str, set[str]] = {}
    for row in rows:
        if row.decision == "approve":
            signed.setdefault(row.committee, set()).update({row.member} if row.on_registry_page else ())
    return tuple(f"{name} ({len(here)} {ON_REGISTRY_PAGE})" if here else name for name, here in sorted(signed.items()))


def _country(tx: Transaction, node: str) -> str:
    row = accreditation.current(tx, node)
    return row.country if row else ""
