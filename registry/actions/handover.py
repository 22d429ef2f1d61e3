"""Hand a prepared decision to its member's own machine, with all that it needs to check what it is asked to sign."""

from dataclasses import dataclass

from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
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
    roster: bytes
    accreditations: tuple[bytes, ...]
    statuses: tuple[bytes, ...]


def hand_over(desk: Desk, code: str) -> Handover:
    """Return what a code fetches; Missing once it is signed or undone. The code is the member's own secret."""
    with desk.store.reading() as tx:
        found = review_words.handed_over(tx, code)
        if found is None:
            raise missing("decision")
        roster = Approval.model_validate(parse_object(found.payload)["predicate"]).roster
        algorithm, sitting = document.envelopes(tx, [found.algorithm, roster])
        author = accepted.read(algorithm, Algorithm).author
        return Handover(
            statement=found.payload,
            algorithm=algorithm,
            roster=sitting,
            accreditations=document.envelopes(tx, accreditation.current_digests(tx, [author])),
            statuses=document.envelopes(tx, [row.digest for row in accreditation.newest_statuses(tx)]),
        )
