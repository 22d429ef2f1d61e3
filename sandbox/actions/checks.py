"""Read every check of a node: what is seen at once, and what its parts kept of their last looks (`actions.look`).

Doctor, admin page and metrics show these checks; nothing here asks a network or an engine, so it may be read often.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from protocol.documents.envelope import read_claim
from protocol.documents.roster import Roster
from protocol.documents.status import Status
from protocol.documents.trust_root import TrustRoot
from sandbox.actions.clock import MARK, TOLERATED_LAG
from sandbox.actions.watch_log import log_key, read_log
from sandbox.domain.checks import (
    DATABASE_BYTES,
    LONG_WARNING,
    LOOK,
    LOOP,
    SELF_TEST,
    SHORT_WARNING,
    SILENT,
    STAGING_BYTES,
    Check,
    Level,
    Seen,
    gather,
    judge_clock,
    judge_expiry,
    judge_paper,
    judge_room,
    judge_seen,
    judge_workers,
    make_check,
)
from sandbox.errors import LedgerBroken, SafeconductError
from sandbox.store.base import Session, Store
from sandbox.store.checks import read_observations
from sandbox.store.ledger_head import check_head
from sandbox.store.mark import read_mark
from sandbox.store.memory import newest_statuses, read_rosters

BETWEEN_LOOKS = 2  # a look that is one round late is no fault yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the checks are about: a node that runs, or one that is to be made to."""

    node: str
    store: Store
    root: TrustRoot
    ledger_head: Path
    registry: str
    workers: int
    sweep: dt.timedelta
    poll: dt.timedelta


def read_checks(watched: Watched, wall: dt.datetime) -> tuple[Check, ...]:
    """Every check, in the order in which one thing needs the other; without its database, only that.

    `wall` is the machine's clock. Papers are judged as the node judges them: never before its high-water mark.
    """
    try:
        with watched.store.reading() as session:
            parts, mark = read_observations(session), read_mark(session, MARK)
            now = max(wall, mark or wall)
            return (
                make_check("database", Level.OK, "The database answers.", now),
                judge_clock(mark, wall, TOLERATED_LAG),
                *_inside(watched, session, parts, now),
                *_parts(watched, session, parts, now),
                _log(watched, now),
            )
    except SafeconductError as error:
        return (make_check("database", Level.FAILED, error.sentence, wall),)


def read_statuses(session: Session) -> list[Status]:
    """Every office's newest status; its signature was checked before it was kept."""
    return [read_claim(raw, Status).untrusted for raw in newest_statuses(session)]


def _inside(watched: Watched, session: Session, parts: Mapping[str, Seen], now: dt.datetime) -> Iterator[Check]:
    """What database and files say by themselves."""
    yield judge_room("disk-database", "the node's directory", parts.get("disk-database"), DATABASE_BYTES)
    yield judge_room("disk-staging", "memory for staged blocks", parts.get("disk-staging"), STAGING_BYTES)
    yield judge_expiry("trust-root", "The trust root", watched.root.expires, now, LONG_WARNING)
    yield _ledger(watched, session, now)


def _parts(watched: Watched, session: Session, parts: Mapping[str, Seen], now: dt.datetime) -> Iterator[Check]:
    """What the node's parts kept of their last looks and rounds."""
    yield judge_seen("broker", "The broker", parts.get("broker"), now, BETWEEN_LOOKS * LOOK + SILENT)
    yield judge_seen("engine", "The Docker engine", parts.get("engine"), now, BETWEEN_LOOKS * LOOK + SILENT)
    yield judge_seen("chamber", "The chamber self-test", parts.get("chamber"), now, BETWEEN_LOOKS * SELF_TEST)
    yield judge_workers(parts, watched.workers, now)
    yield judge_seen("sweeper", "The sweeper", parts.get(f"{LOOP}sweeper"), now, watched.sweep + SILENT)
    yield judge_seen("relay", "The relay", parts.get(f"{LOOP}relay"), now, SILENT)
    yield judge_seen("registry", "The way to the registry", parts.get(f"{LOOP}agent"), now, watched.poll + SILENT)
    yield _certificate(watched, parts.get("certificate"), now)
    yield judge_paper("accreditation", "This node's accreditation", parts.get("accreditation"), now)
    yield _statuses(watched, session, now)
    yield _rosters(watched, session, now)


def _ledger(watched: Watched, session: Session, now: dt.datetime) -> Check:
    try:
        head = check_head(watched.ledger_head, session)
    except LedgerBroken as broken:
        return make_check("ledger", Level.FAILED, broken.sentence, now)
    sentence = f"The ledger's {head.sequence} entries agree with the head that is kept outside the database."
    return make_check("ledger", Level.OK, sentence, now)


def _certificate(watched: Watched, seen: Seen | None, now: dt.datetime) -> Check:
    if not watched.registry.startswith("https:"):
        sentence = "The registry is spoken to without TLS, which is for tests only."
        return make_check("certificate", Level.WARN, sentence, now)
    return judge_paper("certificate", "The registry's certificate", seen, now)


def _statuses(watched: Watched, session: Session, now: dt.datetime) -> Check:
    """The office whose status is nearest to its end; an office that was never heard of counts as failed."""
    newest = {status.office: status for status in read_statuses(session)}
    found = [_office(watched, office.office, newest.get(office.office), now) for office in watched.root.offices]
    return gather(found, make_check("statuses", Level.FAILED, "The trust root knows no office.", now))


def _office(watched: Watched, office: str, status: Status | None, now: dt.datetime) -> Check:
    if status is None:
        return make_check("statuses", Level.FAILED, f"No status of {office} has been seen.", None)
    if watched.node in status.revoked.nodes:
        return make_check("statuses", Level.FAILED, f"{office} has revoked this node.", status.issued)
    return judge_expiry("statuses", f"The status of {office}", status.expires, now, SHORT_WARNING, status.issued)


def _rosters(watched: Watched, session: Session, now: dt.datetime) -> Check:
    """The committee whose newest roster is nearest to its end; rosters come with the first order."""
    newest: dict[str, Roster] = {}
    for row in read_rosters(session):
        if row.envelope is not None:
            newest.setdefault(row.committee, read_claim(row.envelope, Roster).untrusted)
    committees = {rule.committee for dataset in watched.root.datasets for rule in dataset.committees}
    found = [
        judge_expiry("rosters", f"The roster of {name}", roster.expires, now, LONG_WARNING)
        for name, roster in newest.items()
        if name in committees
    ]
    return gather(found, make_check("rosters", Level.OK, "No roster has come yet, as no order has.", None))


def _log(watched: Watched, now: dt.datetime) -> Check:
    if log_key(watched.root) is None:
        return make_check("log", Level.OK, "The trust root pins no log.", now)
    seen = read_log(watched.store, watched.root)
    if seen["checkpoint"] is None:
        return make_check("log", Level.FAILED, "No checkpoint of the registry's log has been seen.", None)
    if seen["alarm"] is not None:
        return make_check("log", Level.FAILED, str(seen["alarm_sentence"]), seen["alarm_at"])
    return make_check("log", Level.OK, f"The log of {seen['size']} entries only grew.", seen["seen_at"])
