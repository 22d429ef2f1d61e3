"""What changed since a version that the reader knows: the one they saw last, and the last one that was approved."""

from collections.abc import Callable
from dataclasses import dataclass

from protocol.documents.algorithm import Algorithm
from registry.actions import accepted
from registry.actions.review import Whole
from registry.domain.contents import Contents
from registry.domain.difference import Change, changes, package_changes
from registry.store import document, review, tables
from registry.store.base import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One earlier version, why it is compared, and what changed since.

    packages: what the two images list differently; None where they are the same, or one is not known to the reader.
    """

    version: tables.Algorithm
    why: str
    changes: tuple[Change, ...]
    packages: tuple[Change, ...] | None


Looked = Callable[[Algorithm], Contents | None]


def compare(tx: Transaction, whole: Whole, algorithm: Algorithm, look: Looked) -> tuple[Comparison, ...]:
    """Compare with the version seen last and the one approved last; once, where they are the same.

    `look` tells what is in a version's image, as far as the reader may know it.
    """
    earlier = {each.digest: each for each in whole.earlier}
    known = {whole.seen_before: "you saw it last"}
    approved = review.last_approved(tx, earlier)
    known[approved] = "you saw it last, and it was approved last" if approved in known else "it was approved last"
    found = ((earlier[digest], why) for digest, why in known.items() if digest is not None)
    return tuple(_compare(tx, version, why, algorithm, look) for version, why in found)


def _compare(tx: Transaction, version: tables.Algorithm, why: str, algorithm: Algorithm, look: Looked) -> Comparison:
    (envelope,) = document.envelopes(tx, [version.digest])
    before = accepted.read(envelope, Algorithm)
    old, new = (look(before), look(algorithm)) if before.image != algorithm.image else (None, None)
    packages = package_changes(old, new) if old and new and not old.refused and not new.refused else None
    return Comparison(version=version, why=why, changes=changes(before, algorithm), packages=packages)
