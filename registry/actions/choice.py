"""Which algorithm versions a researcher may order a run of, for which project, and which datasets there are for it.

A version is one's to use for a project once a committee has approved it there and the approvals name the researcher.
Whether those approvals are enough is each node's to say, by its own trust root.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.strict import build
from registry.actions import accepted, ballots
from registry.actions.desk import Desk
from registry.actions.review import Review, seen_by
from registry.domain.account import Person
from registry.domain.caller import missing
from registry.domain.review import ReviewState
from registry.domain.tally import Outcome
from registry.store import document, order, review, tables
from registry.store.base import Transaction

USABLE: Final = (
    ReviewState.IN_REVIEW,
    ReviewState.CONSOLIDATING,
    ReviewState.APPROVED,
    ReviewState.APPROVED_WITH_CONDITIONS,
)
"""States in which some committee may have approved: an approval that a node could act on is not hidden."""

_APPROVED: Final = (Outcome.APPROVED, Outcome.APPROVED_WITH_CONDITIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One version for one project, and the approvals that an order would name. `open`: committees that still decide."""

    row: tables.Algorithm
    spec: Algorithm
    project: str
    approvals: tuple[Approval, ...]
    digests: tuple[str, ...]
    open: tuple[str, ...]

    @property
    def rho_most_nano(self) -> int:
        """What one job may cost by all of the approvals."""
        return min(approval.conditions.rho_per_job_nano for approval in self.approvals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A dataset at a node. `permitted`: the approvals name both."""

    node: str
    entry: CatalogueEntry
    permitted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What is there to choose from once version and project are chosen."""

    choice: Choice
    offers: tuple[Offer, ...]


def list_choices(desk: Desk, person: Person, now: datetime) -> tuple[Choice, ...]:
    """Return every version and project that the researcher may order."""
    with desk.store.reading() as tx:
        rows = review.in_states(tx, USABLE)
        found = ballots.load(tx, desk, rows, now)
        return tuple(one for row in rows for one in _choices(tx, desk, person, row, found))


def open_sheet(desk: Desk, person: Person, algorithm: str, project: str, now: datetime) -> Sheet:
    """Return what may be chosen for one version and project; Missing where nothing is the researcher's to order."""
    with desk.store.reading() as tx:
        choice = find_choice(tx, desk, person, algorithm, project, now)
        return Sheet(choice=choice, offers=tuple(_offers(tx, choice)))


def find_choice(tx: Transaction, desk: Desk, person: Person, algorithm: str, project: str, now: datetime) -> Choice:
    """Return one choice; Missing where it is not the researcher's."""
    row = review.algorithm(tx, algorithm)
    if row is not None and row.state in USABLE:
        found = ballots.load(tx, desk, [row], now)
        for one in _choices(tx, desk, person, row, found):
            if one.project == project:
                return one
    raise missing("approval")


def _choices(
    tx: Transaction, desk: Desk, person: Person, row: tables.Algorithm, found: ballots.Ballots
) -> Iterator[Choice]:
    seen = seen_by(desk, person.subject, row, found)
    projects = sorted({one.project for one in seen.tallies if one.outcome in _APPROVED})
    for project in projects:
        approvals = _approvals(tx, seen, project, found, person.subject)
        if approvals:
            (envelope,) = document.envelopes(tx, [row.digest])
            yield Choice(
                row=row,
                spec=accepted.read(envelope, Algorithm),
                project=project,
                approvals=tuple(approvals.values()),
                digests=tuple(sorted(approvals)),
                open=_still_open(seen, project),
            )


def _approvals(tx: Transaction, seen: Review, project: str, found: ballots.Ballots, person: str) -> dict[str, Approval]:
    """The approvals that make up the quorums and let this person order, by digest.

    Of a member's several words the last one counts, and only what agrees with what the committee approved.
    """
    decided = {one.committee: one.scope for one in seen.tallies if one.project == project and one.outcome in _APPROVED}
    counting = {vote.digest for vote in found.votes(seen.algorithm.digest)}
    words = [one for one in seen.approvals if one.project == project and one.digest in counting]
    latest = {(one.committee, one.member): one for one in words}.values()
    agreed = [one for one in latest if one.decision == "approve" and not one.conflicted]
    those = [one.digest for one in agreed if decided.get(one.committee) == one.scope]
    documents = (accepted.read(raw, Approval) for raw in document.envelopes(tx, those))
    return {digest: one for digest, one in zip(those, documents, strict=True) if person in one.persons}


def _still_open(seen: Review, project: str) -> tuple[str, ...]:
    undecided = [one.committee for one in seen.tallies if one.project == project and one.outcome not in _APPROVED]
    return tuple(sorted({*undecided, *(committee for committee, other in seen.blind if other == project)}))


def _offers(tx: Transaction, choice: Choice) -> Iterator[Offer]:
    conditions = [approval.conditions for approval in choice.approvals]
    for row in order.all_catalogues(tx):
        for fields in row.datasets:
            entry = build(CatalogueEntry, fields)
            permitted = all(row.node in one.nodes and entry.dataset in one.datasets for one in conditions)
            yield Offer(node=row.node, entry=entry, permitted=permitted)
