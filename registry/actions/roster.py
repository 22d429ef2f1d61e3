"""Register who sits on a committee, on an accreditation office's word."""

from datetime import datetime

from protocol.documents.envelope import read_envelope
from protocol.documents.key_proof import check_proved
from protocol.documents.roster import Roster
from registry.actions import publish
from registry.actions.accreditation import check_holder, office_keys
from registry.actions.desk import Desk
from registry.store import accreditation, roster, tables


def publish_roster(desk: Desk, untrusted: bytes, now: datetime) -> publish.Published:
    """Accept the next version of a committee's roster, signed by a configured office."""
    envelope = read_envelope(untrusted)
    claimed = envelope.untrusted(Roster)
    envelope.check_signed(office_keys(desk, claimed.office))
    for member in claimed.members:
        proofs = [member.proof] if member.proof else []
        check_proved([member.key], proofs, member.person, claimed.office, desk.passkey_pages)
    with desk.store.transaction() as tx:
        if done := publish.known(tx, envelope):
            return done
        before = roster.newest(tx, claimed.office, claimed.committee)
        publish.check_version(claimed.KIND, before.version if before else None, claimed.version)
        for member in claimed.members:
            check_holder(tx, desk, [member.key.keyid], member.person)
            accreditation.claim(tx, [member.key.keyid], member.person)
        published = publish.keep(tx, envelope, claimed.KIND, claimed.office, now)
        roster.add(tx, _row(claimed, envelope.digest), [member.person for member in claimed.members])
        return published


def _row(claimed: Roster, digest: str) -> tables.Roster:
    return tables.Roster(
        digest=digest,
        office=claimed.office,
        committee=claimed.committee,
        version=claimed.version,
        expires=claimed.expires,
    )
