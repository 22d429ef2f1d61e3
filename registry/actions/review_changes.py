"""What changed since a version that the reader knows: the one they saw last, and the last one that was approved."""

from dataclasses import dataclass

from protocol.documents.algorithm import Algorithm
from registry.actions import accepted
from registry.actions.review import Whole
from registry.domain.difference import Change, changes
from registry.store import document, review, tables
from registry.store.base import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One earlier version, why it is compared, and what changed since."""

    version: tables.Algorithm
    why: str
    changes: tuple[Change, ...]


def compare(tx: Transaction, whole: Whole, algorithm: Algorithm) -> tuple[Comparison, ...]:
    """Compare with the version seen last and the one approved last; once, where they are the same."""
    earlier = {each.digest: each for each in whole.earlier}
    known = {whole.seen_before: "you saw it last"}
    approved = review.last_approved(tx, earlier)
    known[approved] = "you saw it last, and it was approved last" if approved in known else "it was approved last"
    return tuple(_compare(tx, earlier[digest], why, algorithm) for digest, why in known.items() if digest is not None)


def _compare(tx: Transaction, version: tables.Algorithm, why: str, algorithm: Algorithm) -> Comparison:
    (envelope,) = document.envelopes(tx, [version.digest])
    before = accepted.read(envelope, Algorithm)
    return Comparison(version=version, why=why, changes=changes(before, algorithm))
