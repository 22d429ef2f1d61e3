"""Register who is who, on an accreditation office's word."""

from datetime import datetime

from protocol.crypto.keys import PublicKey
from protocol.documents.accreditation import Accreditation
from protocol.documents.envelope import read_envelope
from protocol.documents.key_proof import check_proved
from registry.actions import publish
from registry.actions.desk import Desk
from registry.errors import Conflict, Unbelievable
from registry.store import accreditation, tables
from registry.store.base import Transaction


def publish_accreditation(desk: Desk, untrusted: bytes, now: datetime) -> publish.Published:
    """Accept an accreditation signed by a configured office.

    Refused: an unknown office, a name that another office speaks for, a key that nobody proved to hold, that belongs to
    somebody else, or that is revoked.
    """
    envelope = read_envelope(untrusted)
    claimed = envelope.untrusted(Accreditation)
    envelope.check_signed(office_keys(desk, claimed.office))
    check_proved(claimed.keys, claimed.proofs, claimed.subject, claimed.office, desk.passkey_pages)
    with desk.store.transaction() as tx:
        if done := publish.known(tx, envelope):
            return done
        _check_subject(tx, desk, claimed)
        check_holder(tx, desk, [key.keyid for key in claimed.keys], claimed.subject)
        published = publish.keep(tx, envelope, claimed.KIND, claimed.office, now)
        tx.add(_row(claimed, envelope.digest))
        accreditation.claim(tx, [key.keyid for key in claimed.keys], claimed.subject)
        return published


def office_keys(desk: Desk, office: str) -> tuple[PublicKey, ...]:
    """Return the keys of a configured office; raises Unbelievable for any other."""
    keys = desk.offices.get(office)
    if keys is None:
        raise Unbelievable("office-unknown", f"This registry does not serve the accreditation office {office}.")
    return keys


def check_holder(tx: Transaction, desk: Desk, keyids: list[str], subject: str) -> None:
    """Raise Conflict if one of the keys speaks for somebody else, an office or the log: one key never counts for two.

    A key that was ever revoked is not to come back under a new document either.
    """
    ours = {key.keyid for keys in desk.offices.values() for key in keys} | {desk.log_key.public.keyid}
    revoked = accreditation.revocations(tx).keys
    for keyid in keyids:
        if keyid in ours or accreditation.holder(tx, keyid) not in (None, subject):
            raise Conflict("key-taken", f"The key {keyid} belongs to somebody else. Make a new key.")
        if keyid in revoked:
            raise Conflict("key-revoked", f"The key {keyid} is revoked. Make a new key.")


def _check_subject(tx: Transaction, desk: Desk, claimed: Accreditation) -> None:
    before = accreditation.current(tx, claimed.subject)
    other = before is not None and (before.office, before.kind) != (claimed.office, claimed.kind)
    if other or claimed.subject in desk.offices:
        raise Conflict("subject-taken", f"The name {claimed.subject} stands for somebody else. Choose another name.")


def _row(claimed: Accreditation, digest: str) -> tables.Accreditation:
    return tables.Accreditation(
        digest=digest,
        subject=claimed.subject,
        kind=claimed.kind,
        office=claimed.office,
        name=claimed.name,
        institution=claimed.institution,
        country=claimed.country,
        roles=list(claimed.roles),
        valid_from=claimed.valid_from,
        valid_until=claimed.valid_until,
    )
