"""Automatic evidence: hand out what is to be rehearsed, take signed reports, show them.

The registry never runs an image. A rehearsal node, which has no data, asks what is new, rehearses it on a synthetic
twin of each dataset in the catalogue, and signs what it saw (`registry.domain.rehearsal`, decision 21).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from protocol.documents.algorithm import Algorithm
from protocol.documents.catalogue import CatalogueEntry
from protocol.documents.envelope import read_envelope
from protocol.documents.rehearsal import Rehearsal
from protocol.documents.strict import build
from registry.actions import accepted, identity, publish
from registry.actions.desk import Desk
from registry.domain.caller import Caller, missing
from registry.domain.limits import REHEARSALS_PER_POLL
from registry.domain.rehearsal import OPEN_STATES, ROLE, check_is_rehearser, is_made_for
from registry.errors import Conflict, Unbelievable
from registry.store import document, order, rehearsal, review, tables
from registry.store.base import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One version to be rehearsed on the twin of one catalogue entry; `entry` is that entry's digest."""

    algorithm: str
    dataset: str
    entry: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One report that was accepted, with its document's digest."""

    digest: str
    report: Rehearsal


def publish_rehearsal(desk: Desk, untrusted: bytes, now: datetime) -> publish.Published:
    """Accept the report of a rehearsal node on a version that is here; also, and above all, one that says unfit."""
    envelope = read_envelope(untrusted)
    claimed = envelope.untrusted(Rehearsal)
    with desk.store.transaction() as tx:
        if done := publish.known(tx, envelope):
            return done
        rehearser = identity.signer(tx, claimed.by, "node", now)
        if ROLE not in rehearser.caller.roles or claimed.by_kind != "node":
            sentence = f"{claimed.by} is not accredited with the role {ROLE}. Ask its office."
            raise Unbelievable("rehearsal-node-unaccredited", sentence)
        envelope.check_signed(rehearser.keys)
        row = _version(tx, claimed)
        if rehearsal.reported(tx, row.digest, claimed.by, claimed.entry):
            raise Conflict("rehearsal-taken", "This node has reported on this version and dataset already.")
        published = publish.keep(tx, envelope, claimed.KIND, claimed.by, now)
        tx.add(_row(claimed, envelope.digest, row.digest))
        return published


def collect(desk: Desk, caller: Caller, node: str, now: datetime) -> tuple[Task, ...]:
    """Return what this rehearsal node has not reported on yet, the oldest first; that it asked shows that it lives."""
    check_is_rehearser(caller, node)
    with desk.store.transaction() as tx:
        order.seen(tx, node, now)
    found: list[Task] = []
    with desk.store.reading() as tx:
        entries = tuple(_entries(tx))
        for row in rehearsal.with_image(tx, OPEN_STATES):
            if not desk.blobs.has(row.archive_digest):
                continue
            told = rehearsal.of_algorithms(tx, [row.digest]).get(row.digest, ())
            done = {one.entry for one in told if one.node == node}
            found += [task for task in _tasks(tx, row, entries) if task.entry not in done]
            if len(found) >= REHEARSALS_PER_POLL:
                break
    return tuple(found[:REHEARSALS_PER_POLL])


def awaited(tx: Transaction, row: tables.Algorithm) -> tuple[str, ...]:
    """Return the datasets on whose twins nobody has rehearsed this version yet; none for what has no image."""
    if row.archive_digest == tables.NO_IMAGE:
        return ()
    done = {one.entry for one in rehearsal.of_algorithms(tx, [row.digest]).get(row.digest, ())}
    return tuple(task.dataset for task in _tasks(tx, row, tuple(_entries(tx))) if task.entry not in done)


def evidence(tx: Transaction, algorithms: Iterable[str]) -> dict[str, tuple[Evidence, ...]]:
    """Return the reports on each of these versions, in the order received."""
    return {
        algorithm: tuple(_read(tx, row.digest) for row in rows)
        for algorithm, rows in rehearsal.of_algorithms(tx, algorithms).items()
    }


def of_versions(desk: Desk, algorithms: Iterable[str]) -> dict[str, tuple[Evidence, ...]]:
    """Return the reports on several versions, for a page."""
    with desk.store.reading() as tx:
        return evidence(tx, algorithms)


def list_evidence(desk: Desk, algorithm: str) -> tuple[tuple[Evidence, ...], tuple[str, ...]]:
    """Return the reports on one version, and the datasets that it still awaits one for."""
    with desk.store.reading() as tx:
        row = review.algorithm(tx, algorithm)
        if row is None:
            raise missing("algorithm")
        return evidence(tx, [algorithm]).get(algorithm, ()), awaited(tx, row)


def find_entry(desk: Desk, digest: str) -> CatalogueEntry:
    """Return the catalogue entry with this digest."""
    with desk.store.reading() as tx:
        for entry in _entries(tx):
            if entry.digest == digest:
                return entry
    raise missing("dataset")


def _tasks(tx: Transaction, row: tables.Algorithm, entries: tuple[CatalogueEntry, ...]) -> Iterator[Task]:
    (envelope,) = document.envelopes(tx, [row.digest])
    algorithm = accepted.read(envelope, Algorithm)
    for entry in entries:
        if is_made_for(algorithm, entry):
            yield Task(algorithm=row.digest, dataset=entry.dataset, entry=entry.digest)


def _entries(tx: Transaction) -> Iterator[CatalogueEntry]:
    for row in order.all_catalogues(tx):
        for fields in row.datasets:
            yield build(CatalogueEntry, fields)


def _read(tx: Transaction, digest: str) -> Evidence:
    (envelope,) = document.envelopes(tx, [digest])
    return Evidence(digest=digest, report=accepted.read(envelope, Rehearsal))


def _version(tx: Transaction, claimed: Rehearsal) -> tables.Algorithm:
    row = rehearsal.version(tx, claimed.name, claimed.version)
    if row is None:
        raise Unbelievable("algorithm-unknown", "The report is about an algorithm version that is not here.")
    (envelope,) = document.envelopes(tx, [row.digest])
    if accepted.read(envelope, Algorithm).proposal_digest != claimed.proposal:
        sentence = f"The report is about another {claimed.name} {claimed.version} than the one that was submitted."
        raise Unbelievable("rehearsal-other-version", sentence)
    return row


def _row(claimed: Rehearsal, digest: str, algorithm: str) -> rehearsal.Rehearsal:
    return rehearsal.Rehearsal(
        digest=digest,
        algorithm=algorithm,
        node=claimed.by,
        dataset=claimed.dataset,
        entry=claimed.entry,
        fit=claimed.fit,
        issued=claimed.issued,
    )
