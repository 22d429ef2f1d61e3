"""Compose orders on a page: what one may order, what it would cost and meet, and hand it over to be signed elsewhere.

Nothing that is composed here counts for anything. A node believes an order that its researcher signed; the registry
prepares the choices, and the researcher's own machine checks, completes and signs them (`client.draft`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from protocol.chain.foresee import Foreseen, foresee
from protocol.crypto.digest import sha256_hex
from protocol.documents.algorithm import Algorithm
from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.expansion import expand_outputs, priced_names
from protocol.documents.expected_noise import Expected, expected_noise
from protocol.documents.fields import Count, Digest, Positive, Record, Slug, Some, Term
from protocol.documents.job_order import OrderDraft, RhoShare, share_equally
from protocol.documents.parameters import check_parameters
from protocol.documents.strict import Json
from registry.actions import accepted
from registry.actions.catalogue import offered_by
from registry.actions.choice import Choice, find_choice
from registry.actions.code import new_code
from registry.actions.desk import Desk
from registry.actions.spending import Spending, foresee_short, spending
from registry.domain.account import Person
from registry.domain.caller import missing
from registry.domain.limits import DRAFT_DAYS, DRAFTS_PER_RESEARCHER, PLACES_PER_DRAFT
from registry.errors import Conflict, Malformed
from registry.store import document, draft
from registry.store.base import Transaction

LIFETIME: Final = timedelta(days=DRAFT_DAYS)


class Place(Record):
    """A dataset at a node."""

    node: Slug
    dataset: Slug


class Composed(Record):
    """One question to one or several places, as a person chose it.

    `rho_nano` is in all, for each place; `interval_nano` buys the total interval of each median, on top.
    """

    algorithm: Digest
    project: Slug
    purpose: Term
    places: Some[Place]
    parameters: dict[str, Json]
    blocks: Count
    rho_nano: Positive
    interval_nano: Count = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One place's part: what is expected of its answers, what would be refused, what is left as far as it is known."""

    draft: OrderDraft
    expected: tuple[Expected, ...]
    refusals: tuple[Foreseen, ...]
    spending: Spending


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What was composed together and waits to be signed."""

    code: str
    algorithm: str
    drafts: tuple[OrderDraft, ...]
    at: datetime
    until: datetime

    @property
    def places(self) -> str:
        """Where it is to go."""
        return ", ".join(f"{one.dataset} at {one.node}" for one in self.drafts)


def preview(desk: Desk, person: Person, composed: Composed, now: datetime) -> tuple[Looked, ...]:
    """Return what each place's order would cost, be worth and meet; nothing is kept."""
    with desk.store.reading() as tx:
        choice = find_choice(tx, desk, person, composed.algorithm, composed.project, now)
        return _look(tx, person, choice, composed, now)


def prepare(desk: Desk, person: Person, composed: Composed, now: datetime) -> str:
    """Keep what was composed under a code that fetches it; refused where a refusal can be foreseen."""
    with desk.store.transaction() as tx:
        choice = find_choice(tx, desk, person, composed.algorithm, composed.project, now)
        looked = _look(tx, person, choice, composed, now)
        check_none_refused(looked)
        if len(draft.of_researcher(tx, person.subject)) + len(looked) > DRAFTS_PER_RESEARCHER:
            raise Conflict("drafts-too-many", "You have many orders to sign already. Sign them, or forget some first.")
        code = new_code()
        draft.prepare(tx, [_row(one.draft, code, now) for one in looked])
        document.record(tx, now, person.subject, "order-drafts.prepared", composed.algorithm, drafts=len(looked))
        return code


def list_waiting(desk: Desk, person: Person, now: datetime) -> tuple[Waiting, ...]:
    """Return what the researcher composed and has not signed, the newest first."""
    with desk.store.reading() as tx:
        rows = [row for row in draft.of_researcher(tx, person.subject) if row.at >= now - LIFETIME]
        codes = dict.fromkeys(row.handover for row in rows)
        return tuple(_waiting(tx, [row for row in rows if row.handover == code]) for code in codes)


def undo(desk: Desk, person: Person, code: str, now: datetime) -> None:
    """Forget what was composed under a code."""
    with desk.store.transaction() as tx:
        if not draft.forget_handover(tx, person.subject, code):
            raise missing("draft")
        document.record(tx, now, person.subject, "order-drafts.undone", person.subject)


def forget_old(desk: Desk, now: datetime) -> None:
    """Forget what nobody signed in time: parameters are not kept for nothing."""
    with desk.store.reading() as tx:
        if not draft.is_any_before(tx, now - LIFETIME):
            return
    with desk.store.transaction() as tx:
        draft.forget_before(tx, now - LIFETIME)


def check_none_refused(looked: tuple[Looked, ...]) -> None:
    """Raise Conflict if an order would be refused as far as it can be foreseen."""
    for one in looked:
        if one.refusals:
            sentence = f"{one.draft.node} would refuse this: {one.refusals[0].sentence} Change it, or leave it out."
            raise Conflict("order-would-be-refused", sentence)


def read_choices(row: draft.OrderDraft) -> OrderDraft:
    """Return a kept draft as it was composed."""
    return OrderDraft.model_validate_json(row.choices)


def _look(tx: Transaction, person: Person, choice: Choice, composed: Composed, now: datetime) -> tuple[Looked, ...]:
    if len(composed.places) > PLACES_PER_DRAFT:
        raise Malformed("places-too-many", f"Ask at most {PLACES_PER_DRAFT} places at once.")
    check_parameters(choice.spec.parameters, composed.parameters)
    names = priced_names(choice.spec, composed.parameters)
    if composed.rho_nano < len(names):
        raise Malformed("rho-too-small", f"This ρ cannot be shared by {len(names)} outputs. Ask for more.")
    return tuple(_look_at(tx, person, choice, composed, place, names, now) for place in composed.places)


def _look_at(
    tx: Transaction,
    person: Person,
    choice: Choice,
    composed: Composed,
    place: Place,
    names: tuple[str, ...],
    now: datetime,
) -> Looked:
    made = OrderDraft(
        algorithm=composed.algorithm,
        approvals=choice.digests,
        researcher=person.subject,
        project=composed.project,
        purpose=composed.purpose,
        node=place.node,
        dataset=place.dataset,
        parameters=composed.parameters,
        blocks=composed.blocks,
        rho=_shares(names, choice.spec, composed),
    )
    entry = entry_of(tx, place.node, place.dataset)
    known = spending(tx, made, [approval.conditions for approval in choice.approvals])
    refusals = (*foresee(made, choice.spec, choice.approvals, entry, now), *foresee_short(known, made))
    return Looked(
        draft=made,
        expected=_expected(made, choice.spec, entry),
        refusals=refusals,
        spending=known,
    )


def _shares(names: tuple[str, ...], spec: Algorithm, composed: Composed) -> tuple[RhoShare, ...]:
    """Equal shares of ρ; a median's with what its interval is bought for."""
    shares = share_equally(names, composed.rho_nano)
    if not composed.interval_nano or not spec.runs_image:
        return shares
    medians = {one.name for one in expand_outputs(spec, composed.parameters) if one.spec.aggregator == "median"}
    bought = {"interval_nano": composed.interval_nano}
    return tuple(share.model_copy(update=bought) if share.output in medians else share for share in shares)


def _expected(made: OrderDraft, spec: Algorithm, entry: CatalogueEntry | None) -> tuple[Expected, ...]:
    """What to expect; nothing for a place or a number of blocks that will be refused anyway."""
    if entry is None or (made.blocks == 0) == (spec.mode == "block"):
        return ()
    return expected_noise(made, spec, entry)


def entry_of(tx: Transaction, node: str, dataset: str) -> CatalogueEntry | None:
    """Return what a node says of one of its datasets."""
    return next((one for one in offered_by(tx, node) if one.dataset == dataset), None)


def _row(made: OrderDraft, code: str, now: datetime) -> draft.OrderDraft:
    return draft.OrderDraft(
        digest=sha256_hex(made.choices),
        researcher=made.researcher,
        algorithm=made.algorithm,
        choices=made.choices,
        handover=code,
        at=now,
    )


def _waiting(tx: Transaction, rows: list[draft.OrderDraft]) -> Waiting:
    (envelope,) = document.envelopes(tx, [rows[0].algorithm])
    spec = accepted.read(envelope, Algorithm)
    return Waiting(
        code=rows[0].handover,
        algorithm=f"{spec.name} {spec.version}",
        drafts=tuple(read_choices(row) for row in rows),
        at=rows[0].at,
        until=rows[0].at + LIFETIME,
    )
