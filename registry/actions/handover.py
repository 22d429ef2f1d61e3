"""Hand a prepared statement to its signer's own machine, with all that is needed to check what is to be signed.

It is a member's decision, or an office's status that revokes a version; the latter rests on no roster.
"""

from dataclasses import dataclass

from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.envelope import predicate_type
from protocol.documents.strict import parse_object
from registry.actions import accepted
from registry.actions.desk import Desk
from registry.domain.caller import missing
from registry.store import accreditation, document, review_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """The statement's bytes, and the envelopes that it rests on."""

    statement: bytes
    algorithm: bytes
    roster: bytes | None
    accreditations: tuple[bytes, ...]
    statuses: tuple[bytes, ...]


def hand_over(desk: Desk, code: str) -> Handover:
    """Return what a code fetches; Missing once it is signed or undone. The code is the signer's own secret."""
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
