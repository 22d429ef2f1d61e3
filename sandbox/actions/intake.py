"""Step 1: take an order in, with its first event and its first ring, in one transaction.

Bytes that no accredited key signed get a counter and nothing else: whoever can reach the registry's queue could
otherwise fill this node's tables and make it sign receipts. An order that is known already is not taken in again; if
its end is sealed, the same bytes are sent once more.
"""

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

from protocol.chain import OrderBundle, attribute_order
from protocol.documents.envelope import Claim, read_claim
from protocol.documents.roster import Roster
from protocol.documents.status import Status
from protocol.documents.trust_root import TrustRoot
from protocol.trust.root import office_keys
from sandbox.actions.node import Node
from sandbox.errors import Refused
from sandbox.store import job
from sandbox.store.audit import record
from sandbox.store.base import Session
from sandbox.store.memory import newest_statuses, remember_roster, remember_status
from sandbox.store.tables import JobRow

OfficeDocument = TypeVar("OfficeDocument", Status, Roster)


class Intake(StrEnum):
    """What became of the bytes."""

    TAKEN = "taken"
    KNOWN = "known"
    UNSIGNED = "unsigned"


def take_in(node: Node, untrusted: bytes) -> tuple[Intake, str | None]:
    """Take in one bundle; return what became of it and, if a known key signed it, its order's id."""
    try:
        bundle = OrderBundle.from_json(untrusted)
        order, order_id = attribute_order(bundle, trust_root=node.trust.root)
    except Refused as refused:
        _count_unsigned(node, refused.code)
        return Intake.UNSIGNED, None
    now = node.clock.now()
    with node.store.transaction() as session:
        if session.get(JobRow, order_id) is not None:
            job.send_again(session, order_id, now)
            return Intake.KNOWN, order_id
        values = {
            "id": order_id,
            "bundle": bundle.to_json(),
            "researcher": order.researcher,
            "project": order.project,
            "dataset": order.dataset,
            "algorithm": order.algorithm,
        }
        job.insert_job(session, values, now)
        _remember(node, session, bundle, now)
    return Intake.TAKEN, order_id


def note_statuses(node: Node, untrusted: Sequence[bytes]) -> None:
    """Keep newer statuses that the registry hands over at a poll: a revocation counts from then on."""
    with node.store.reading() as session:
        known = newest_statuses(session)
    fresh = [raw for raw in untrusted if raw not in known]
    if fresh:
        with node.store.transaction() as session:
            _remember_statuses(node, session, fresh)


def _remember(node: Node, session: Session, bundle: OrderBundle, now: dt.datetime) -> None:
    """Keep statuses and rosters that the trust root's offices signed: older ones count no more."""
    _remember_statuses(node, session, bundle.statuses)
    for raw in bundle.rosters:
        roster = _signed(node, raw, Roster)
        if roster is not None and rules(node.trust.root, roster.untrusted):
            seen = roster.untrusted
            remember_roster(session, roster.digest, seen.committee, seen.version, raw, now)


def _remember_statuses(node: Node, session: Session, untrusted: Sequence[bytes]) -> None:
    for raw in untrusted:
        status = _signed(node, raw, Status)
        if status is not None:
            remember_status(session, status.untrusted.office, status.untrusted.version, raw)


def _signed(node: Node, raw: bytes, model: type[OfficeDocument]) -> Claim[OfficeDocument] | None:
    """Read a document of an office if its signature holds; what is wrong with others is for `examine` to say."""
    try:
        claim = read_claim(raw, model)
        claim.checked(office_keys(node.trust.root, claim.untrusted.office))
    except Refused:
        return None
    return claim


def rules(root: TrustRoot, roster: Roster) -> bool:
    """Whether the trust root lets this office speak for this committee."""
    known = (rule for dataset in root.datasets for rule in dataset.committees)
    return any((rule.committee, rule.office) == (roster.committee, roster.office) for rule in known)


def _count_unsigned(node: Node, code: str) -> None:
    with node.store.transaction() as session:
        record(session, node.clock.now(), "registry", "order-unsigned", "unknown", code)
