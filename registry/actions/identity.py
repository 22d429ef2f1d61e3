"""Who somebody is now: accreditation, seats, offices and revocations put together."""

from dataclasses import dataclass
from datetime import datetime

from protocol.crypto.keys import PublicKey
from protocol.documents.accreditation import Accreditation
from protocol.documents.roster import Roster
from registry.actions import accepted
from registry.actions.desk import Desk
from registry.domain.caller import Caller
from registry.domain.standing import Revocations, check_standing
from registry.errors import RegistryError, Unauthenticated, Unbelievable
from registry.store import accreditation, document, roster
from registry.store.base import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A caller and the keys that may speak for it now."""

    caller: Caller
    keys: tuple[PublicKey, ...]


def find(tx: Transaction, desk: Desk, subject: str, now: datetime) -> Identity:
    """Return who `subject` is now; raises Unauthenticated if it is nobody, or nobody any more.

    A person is accredited, or sits on a current committee, or both; a node is accredited; an office is configured.
    """
    revoked = accreditation.revocations(tx)
    seats = tuple(digest for digest in roster.seats_of(tx, subject, now) if digest not in revoked.rosters)
    try:
        return _accredited(tx, subject, seats, revoked, now)
    except RegistryError:
        if subject in revoked.persons | revoked.nodes:
            raise
        if seats:
            caller = Caller(subject=subject, kind="person", roles=frozenset(), sits=True)
            return Identity(caller=caller, keys=_seat_keys(tx, subject, seats, revoked))
        if subject in desk.offices:
            caller = Caller(subject=subject, kind="office", roles=frozenset(), sits=False)
            return Identity(caller=caller, keys=_live(desk.offices[subject], revoked))
        raise


def signer(tx: Transaction, subject: str, kind: str, now: datetime) -> Identity:
    """Return whom a document names as its signer; raises Unbelievable unless accredited as that kind now."""
    try:
        found = _accredited(tx, subject, (), accreditation.revocations(tx), now)
    except Unauthenticated as error:
        code = "accreditation-missing" if error.code == "client-unknown" else error.code
        raise Unbelievable(code, error.sentence) from error
    if found.caller.kind != kind:
        raise Unbelievable("accreditation-missing", f"{subject} is not accredited as a {kind}.")
    return found


def _accredited(tx: Transaction, subject: str, seats: tuple[str, ...], revoked: Revocations, now: datetime) -> Identity:
    row = accreditation.current(tx, subject)
    if row is None:
        raise _unknown(subject)
    standing = accreditation.standing(row)
    check_standing(standing, revoked, now)
    (envelope,) = document.envelopes(tx, [row.digest])
    own = tuple(key.to_public() for key in accepted.read(envelope, Accreditation).keys)
    caller = Caller(subject=subject, kind=standing.kind, roles=standing.roles, sits=bool(seats))
    return Identity(caller=caller, keys=_live(own, revoked) + _seat_keys(tx, subject, seats, revoked))


def _seat_keys(tx: Transaction, person: str, seats: tuple[str, ...], revoked: Revocations) -> tuple[PublicKey, ...]:
    found = (accepted.read(raw, Roster).member(person) for raw in document.envelopes(tx, seats))
    return _live(tuple(member.key.to_public() for member in found if member is not None), revoked)


def _live(keys: tuple[PublicKey, ...], revoked: Revocations) -> tuple[PublicKey, ...]:
    return tuple(key for key in keys if key.keyid not in revoked.keys)


def _unknown(subject: str) -> Unauthenticated:
    return Unauthenticated("client-unknown", f"{subject} is not accredited here. Ask the accreditation office.")
