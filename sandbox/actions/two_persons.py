"""A raised cap takes two persons at the node: each looks at the signed policy and confirms it with a passkey.

A cap is changed by the holder's signed, versioned policy and by nothing else (DESIGN 8). What two admins add is that
nobody alone puts a generous one in place: once two are enrolled, a policy that raises a cap does not take effect
before two of them, with two passkeys, confirmed exactly its digest. A confirmation dies with the passkey that gave it.
"""

import datetime as dt
from typing import Any

from faces.passkeys import untrusted_credential_id
from protocol.documents.envelope import read_envelope
from protocol.documents.policy import Policy
from sandbox.actions.admin_account import Visitor, credential_of
from sandbox.actions.passkey import Site, check_answer
from sandbox.domain.admin import PERSONS_TO_RAISE, check_persons
from sandbox.domain.policy_change import check_follows, describe_change, raises_cap
from sandbox.errors import BadInput, Refused
from sandbox.store import admin
from sandbox.store.admin import AdminRow, PolicyConsent, PolicyProposal
from sandbox.store.audit import record
from sandbox.store.base import Session, Store


def propose_policy(store: Store, policy: Policy, raw: bytes, visitor: Visitor, now: dt.datetime) -> str:
    """Put a policy before the admins, once it was opened under the trust root; return its digest."""
    digest = read_envelope(raw).digest
    with store.transaction() as session:
        if session.get(PolicyProposal, digest) is None:
            session.add(
                PolicyProposal(
                    digest=digest,
                    version=policy.version,
                    envelope=raw,
                    proposed_by=visitor.name,
                    proposed_at=now,
                )
            )
            record(session, now, visitor.signed, "policy-proposed", digest, f"version-{policy.version}")
    return digest


def confirm_policy(
    store: Store, site: Site, current: Policy, digest: str, visitor: Visitor, untrusted: str, now: dt.datetime
) -> int:
    """Confirm a proposed policy with the visitor's own passkey; return how many persons have by now."""
    with store.transaction() as session:
        proposal, row = _proposal(session, digest), session.get_one(AdminRow, visitor.name)
        check_follows(current, _policy(proposal.envelope))
        own = credential_of(row)
        if untrusted_credential_id(untrusted) != own.id:
            raise Refused("passkey-other", "That is not your own passkey; confirm with the one that you log in with.")
        check_answer(session, site, purpose_of(digest), own, untrusted, now)
        given = session.get(PolicyConsent, (digest, visitor.name))
        if given is None:
            given = PolicyConsent(digest=digest, name=visitor.name)
            session.add(given)
        given.credential, given.at = own.id, now
        record(session, now, visitor.signed, "policy-confirmed", digest)
        session.flush()
        return len(admin.consents(session, digest))


def purpose_of(digest: str) -> str:
    """What a passkey answers for when it confirms this policy."""
    return f"policy:{digest}"


def check_two_persons(session: Session, before: bytes, after: bytes, digest: str) -> None:
    """Refuse (policy-unconfirmed) a raised cap that two admins did not confirm, at a node that has two."""
    if admin.count_enrolled(session) < PERSONS_TO_RAISE or not raises_cap(_policy(before), _policy(after)):
        return
    check_persons(len(admin.consents(session, digest)))


def list_proposals(store: Store, current: Policy) -> list[dict[str, Any]]:
    """What lies before the admins, what each would change, and who confirmed it."""
    with store.reading() as session:
        return [
            {
                "digest": row.digest,
                "version": row.version,
                "proposed_by": row.proposed_by,
                "proposed_at": row.proposed_at,
                "changes": describe_change(current, _policy(row.envelope)),
                "raises": raises_cap(current, _policy(row.envelope)),
                "confirmed_by": [consent.name for consent in admin.consents(session, row.digest)],
                "needed": PERSONS_TO_RAISE,
            }
            for row in admin.proposals(session, above=current.version)
        ]


def _proposal(session: Session, digest: str) -> PolicyProposal:
    row = session.get(PolicyProposal, digest)
    if row is None:
        raise BadInput("policy-unknown", "Nobody proposed that policy here; upload it first.")
    return row


def _policy(raw: bytes) -> Policy:
    return read_envelope(raw).untrusted(Policy)  # opened under the trust root before it was kept
