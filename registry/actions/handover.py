"""Hand a prepared statement to its signer's own machine, with all that is needed to check what is to be signed.

It is a member's decision, an office's status that revokes a version (it rests on no roster), or the orders that a
researcher composed together. A code fetches until what it fetches is signed or undone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.envelope import predicate_type
from protocol.documents.strict import parse_object
from registry.actions import accepted
from registry.actions.desk import Desk
from registry.actions.draft import LIFETIME, read_choices
from registry.actions.order import basis
from registry.domain.caller import missing
from registry.store import accreditation, document, draft, review_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """The statement's bytes, and the envelopes that it rests on."""

    statement: bytes
    algorithm: bytes
    roster: bytes | None
    accreditations: tuple[bytes, ...]
    statuses: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """The choices of each order, and the fields of the bundle that all of them rest on."""

    choices: tuple[bytes, ...]
    basis: dict[str, Any]


def hand_over(desk: Desk, code: str) -> Handover:
    """Return the statement that a code fetches; Missing once it is signed or undone. The code is a secret."""
    with desk.store.reading() as tx:
        found = review_words.handed_over(tx, code)
        if found is None:
            raise missing("decision")
        algorithm, *sitting = document.envelopes(tx, [found.algorithm, *_rosters(found.payload)])
        author = accepted.read(algorithm, Algorithm).author
        return Handover(
            statement=found.payload,
            algorithm=algorithm,
            roster=sitting[0] if sitting else None,
            accreditations=document.envelopes(tx, accreditation.current_digests(tx, [author])),
            statuses=document.envelopes(tx, [row.digest for row in accreditation.newest_statuses(tx)]),
        )


def _rosters(payload: bytes) -> tuple[str, ...]:
    statement = parse_object(payload)
    if statement["predicateType"] != predicate_type(Approval):
        return ()
    return (Approval.model_validate(statement["predicate"]).roster,)


def hand_over_drafts(desk: Desk, code: str, now: datetime) -> Drafts:
    """Return the orders that a code fetches; Missing once all are signed, undone or too old. The code is a secret."""
    with desk.store.reading() as tx:
        rows = draft.handed_over(tx, code, now - LIFETIME)
        if not rows:
            raise missing("draft")
        first = read_choices(rows[0])
        found = basis(tx, first.researcher, first.algorithm, first.approvals)
        return Drafts(choices=tuple(row.choices for row in rows), basis=found)
