"""Look at a part of the node and keep what was seen, for the checks to judge (`sandbox.domain.checks`).

A running node looks by the clock; doctor looks at once. A look that finds a fault keeps the fault: it does not raise.
"""

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from protocol.documents.accreditation import Accreditation
from protocol.documents.envelope import read_claim
from protocol.documents.trust_root import TrustRoot
from protocol.trust.root import office_keys
from sandbox.domain.checks import BEAT, LOOP, WORKER, Seen, on_beat, rounded_room
from sandbox.errors import SafeconductError
from sandbox.hub.certificate import certificate_until
from sandbox.hub.registry import Registry
from sandbox.store.base import Store
from sandbox.store.checks import forget_parts, observe
from sandbox.store.usage import is_reserving

GONE = dt.timedelta(hours=1)  # after which a worker process that says nothing is forgotten

Clock = Callable[[], dt.datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One thing to look at, how often, and how: the act returns what it saw, None that now is no time to look."""

    name: str
    every: dt.timedelta
    act: Callable[[], Seen | None]


def take_look(store: Store, clock: Clock, look: Look) -> None:
    """Look once and keep what was seen; what the act raises is what is wrong."""
    try:
        seen = look.act()
    except SafeconductError as error:
        seen = Seen(at=clock(), code=error.code, sentence=error.sentence)
    if seen is not None:
        with store.transaction() as session:
            observe(session, look.name, seen)


def say_alive(store: Store, worker: str, now: dt.datetime) -> None:
    """Keep that a worker process lives; forget those that are long gone."""
    with store.transaction() as session:
        observe(session, f"{WORKER}{worker}", Seen(at=on_beat(now)))
        forget_parts(session, WORKER, now - GONE)


def note_round(store: Store, loop: str, code: str | None, now: dt.datetime) -> None:
    """Keep how the newest round of one of the node's loops went."""
    sentence = None if code is None else f"Its last round failed ({code}); it tries again."
    with store.transaction() as session:
        observe(session, f"{LOOP}{loop}", Seen(at=on_beat(now), code=code, sentence=sentence))


def is_due(last: dt.datetime | None, now: dt.datetime) -> bool:
    """Whether the grid of beats has a new moment since the last one kept."""
    return last is None or now - last >= BEAT


def see_disk(place: Path, clock: Clock) -> Seen:
    """How much is free where the database is."""
    found = os.statvfs(place)
    return Seen(at=clock(), amount=rounded_room(found.f_bavail * found.f_frsize))


def see_staging(store: Store, place: Path, clock: Clock) -> Seen | None:
    """How much is free in memory for staging, between jobs only: during one it would tell what its chambers wrote."""
    with store.reading() as session:
        if is_reserving(session, clock()):
            return None
    return see_disk(place, clock)


def see_accreditation(registry: Registry, root: TrustRoot, node: str, clock: Clock) -> Seen:
    """Until when an office that the trust root knows says who this node is; raises Refused or Unreachable."""
    claim = read_claim(registry.accreditation(), Accreditation)
    document = claim.checked(office_keys(root, claim.untrusted.office))
    if document.subject != node:
        return Seen(at=clock(), code="accreditation-other", sentence="The registry shows another's accreditation.")
    return Seen(at=clock(), until=document.valid_until)


def see_certificate(url: str, clock: Clock) -> Seen:
    """Until when the registry's certificate is valid; an address without one says nothing."""
    return Seen(at=clock(), until=certificate_until(url))
