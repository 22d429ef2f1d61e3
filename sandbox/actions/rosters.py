"""What the node's admin sees and decides of committees' rosters.

An office can only change who sits on a committee, and only after the delay that the trust root sets. Here the admin
may let a roster count at once, or never: a stolen office key then seats nobody.
"""

import datetime as dt
from typing import Any

from protocol.documents.envelope import read_claim, read_envelope
from protocol.documents.roster import Roster
from protocol.documents.trust_root import TrustRoot
from protocol.trust.root import office_keys
from sandbox.actions.intake import rules
from sandbox.errors import BadInput
from sandbox.store.audit import record
from sandbox.store.base import Store
from sandbox.store.memory import ACCEPTED, REJECTED, read_roster, read_rosters, remember_roster
from sandbox.store.tables import RosterSeen

REASON_CHARACTERS = 100  # as many as the audit keeps


def list_rosters(store: Store, root: TrustRoot) -> list[dict[str, Any]]:
    """Every roster that this node has seen: members, and from when it counts."""
    with store.reading() as session:
        return [_shown(row, root) for row in read_rosters(session)]


def add_roster(store: Store, root: TrustRoot, untrusted: bytes, now: dt.datetime) -> str:
    """Let the node see a roster that came by file: its delay begins now. Returns its digest."""
    claim = read_claim(untrusted, Roster)
    roster = claim.checked(office_keys(root, claim.untrusted.office))
    if not rules(root, roster):
        sentence = f"The trust root does not let {roster.office} speak for {roster.committee}; ask the data holder."
        raise BadInput("roster-other-office", sentence)
    with store.transaction() as session:
        remember_roster(session, claim.digest, roster.committee, roster.version, untrusted, now)
        record(session, now, "operator", "roster-added", claim.digest)
    return claim.digest


def decide_roster(
    store: Store, root: TrustRoot, digest: str, reason: str, now: dt.datetime, *, accept: bool
) -> dict[str, Any]:
    """Let a roster count from now on, or never."""
    decision = ACCEPTED if accept else REJECTED
    with store.transaction() as session:
        row = read_roster(session, digest)
        if row is None:
            sentence = "This node has not seen that roster; add it with `node roster add`, or check the digest."
            raise BadInput("roster-unknown", sentence)
        row.decision, row.decided_at = decision, now
        record(session, now, "operator", f"roster-{decision}", digest, reason[:REASON_CHARACTERS])
        return _shown(row, root)


def _shown(row: RosterSeen, root: TrustRoot) -> dict[str, Any]:
    counts_from = row.seen_at + dt.timedelta(hours=root.roster_delay_hours)
    return {
        "digest": row.digest,
        "committee": row.committee,
        "version": row.version,
        "seen_at": row.seen_at,
        "decision": row.decision,
        "decided_at": row.decided_at,
        "counts_from": {ACCEPTED: row.decided_at, REJECTED: None}.get(row.decision or "", counts_from),
        "members": _members(row.envelope) if row.envelope else [],
    }


def _members(envelope: bytes) -> list[str]:
    """Its office's signature was checked when it came."""
    roster = read_envelope(envelope).untrusted(Roster)
    return [f"{one.person} of {one.institution}, {one.key.scheme} key {one.key.keyid}" for one in roster.members]
