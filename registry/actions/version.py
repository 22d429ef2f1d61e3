"""One's own algorithm versions: how far each is, why, what to do next, and the request that one makes of committees."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.strict import build
from registry.actions import accepted, ballots, rehearsal, review_asked
from registry.actions.desk import Desk
from registry.actions.review import Review, Whole, seen_by, show_review
from registry.actions.review_acts import Asked
from registry.domain.account import Person
from registry.domain.caller import missing
from registry.domain.review_acts import Act, check_may
from registry.domain.task import Box, Progress, Task, next_of, tasks_of
from registry.errors import RegistryError
from registry.store import accreditation, document, order, review, roster, tables
from registry.store.base import Transaction
from registry.store.tables_review import ReviewRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One version in the list, and the task that comes next, if any."""

    row: tables.Algorithm
    review: Review
    next: Task | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """One's accreditation and one's versions, the newest first."""

    accreditation: tables.Accreditation
    versions: tuple[Listed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version with its tasks, the reports on it, and the votes that its author may see, each with its reasons."""

    whole: Whole
    tasks: tuple[Task, ...]
    evidence: tuple[rehearsal.Evidence, ...]
    votes: tuple[tuple[tables.Approval, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSheet:
    """What there is to choose from in a request. `refusal`: why no committee can be asked any more."""

    row: tables.Algorithm
    spec: Algorithm
    committees: tuple[str, ...]
    offers: tuple[tuple[str, CatalogueEntry], ...]
    refusal: RegistryError | None


def show_mine(desk: Desk, person: Person, now: datetime) -> Mine:
    """Return the researcher's accreditation and versions; Missing without an accreditation."""
    with desk.store.reading() as tx:
        row = accreditation.current(tx, person.subject)
        if row is None:
            raise missing("accreditation")
        rows = review.by_author(tx, person.subject)
        found = ballots.load(tx, desk, rows, now)
        told = rehearsal.evidence(tx, [each.digest for each in rows])
        listed = tuple(_listed(tx, desk, each, found, told.get(each.digest, ())) for each in rows)
    return Mine(accreditation=row, versions=listed)


def show_version(desk: Desk, person: Person, digest: str, now: datetime) -> Version:
    """Return one of the author's own versions; Missing for anybody else's. The look is recorded."""
    _check_own(desk, person, digest)
    whole = show_review(desk, person.caller, digest, now)
    with desk.store.reading() as tx:
        evidence = rehearsal.evidence(tx, [digest]).get(digest, ())
        projects = tuple(each.project for each in whole.requests)
        return Version(
            whole=whole,
            tasks=tasks_of(_progress(tx, whole.review, projects, evidence)),
            evidence=evidence,
            votes=tuple((vote, _reasons(tx, vote)) for vote in whole.review.approvals),
        )


def open_ask(desk: Desk, person: Person, digest: str, now: datetime) -> AskSheet:
    """Return what a request for one's own version may say; Missing for anybody else's."""
    row = _check_own(desk, person, digest)
    with desk.store.reading() as tx:
        seen = seen_by(desk, person.subject, row, ballots.load(tx, desk, [row], now))
        (envelope,) = document.envelopes(tx, [digest])
        offers = [(each.node, build(CatalogueEntry, one)) for each in order.all_catalogues(tx) for one in each.datasets]
        seated = [name for name in roster.committees(tx, now) if desk.workflow.stage(name) is not None]
    return AskSheet(
        row=row,
        spec=accepted.read(envelope, Algorithm),
        committees=tuple(seated),
        offers=tuple(offers),
        refusal=_refusal(seen),
    )


def preview_request(desk: Desk, sheet: AskSheet, asked: Asked, now: datetime) -> review_asked.Asked:
    """Return a request as its committees would see it; nothing is kept."""
    unsaved = ReviewRequest(
        algorithm=sheet.row.digest,
        project=asked.project,
        persons=list(asked.persons),
        committees=list(asked.committees),
        conditions=asked.conditions.model_dump(mode="json"),
        scope="",
        purpose=asked.purpose,
        at=now,
    )
    with desk.store.reading() as tx:
        return review_asked.asked_of(tx, unsaved, sheet.spec)


def _check_own(desk: Desk, person: Person, digest: str) -> tables.Algorithm:
    with desk.store.reading() as tx:
        row = review.algorithm(tx, digest)
        if row is None or row.author != person.subject:
            raise missing("algorithm")
        return row


def _listed(
    tx: Transaction, desk: Desk, row: tables.Algorithm, found: ballots.Ballots, told: Sequence[rehearsal.Evidence]
) -> Listed:
    seen = seen_by(desk, row.author, row, found)
    projects = tuple(each.project for each in found.requests.get(row.digest, ()))
    return Listed(row=row, review=seen, next=next_of(tasks_of(_progress(tx, seen, projects, told))))


def _progress(tx: Transaction, seen: Review, projects: tuple[str, ...], told: Iterable[rehearsal.Evidence]) -> Progress:
    row, reports = seen.algorithm, [one.report for one in told]
    unfit = dict.fromkeys(report.dataset for report in reports if not report.fit)
    fit = dict.fromkeys(report.dataset for report in reports if report.fit)
    return Progress(
        digest=row.digest,
        state=seen.state,
        image_here=None if row.archive_digest == tables.NO_IMAGE else seen.image_here,
        fit=tuple(fit),
        unfit=tuple(unfit),
        awaited=rehearsal.awaited(tx, row),
        projects=projects,
        may_ask=_refusal(seen) is None,
        boxes=tuple(_boxes(seen)),
    )


def _boxes(seen: Review) -> Iterable[Box]:
    for one in seen.tallies:
        yield Box(
            committee=one.committee,
            project=one.project,
            outcome=one.outcome,
            approvals=one.approvals,
            required=one.required,
            deadline=seen.deadlines.get(one.committee),
        )
    for committee, project in seen.blind:
        deadline = seen.deadlines.get(committee)
        yield Box(committee=committee, project=project, outcome=None, approvals=0, required=0, deadline=deadline)


def _reasons(tx: Transaction, vote: tables.Approval) -> str:
    found = document.envelopes(tx, [vote.digest])
    return accepted.read(found[0], Approval).rationale if found else ""


def _refusal(seen: Review) -> RegistryError | None:
    try:
        check_may(Act.ASK, seen.role, seen.state)
    except RegistryError as refusal:
        return refusal
    return None
