"""The holder's policy and its successors: caps rise and fall by signed versions only, and the ledger records each.

A new version is shown first, and takes effect when the admin repeats its fingerprint; a file that was put in place by
hand counts as well if it is signed and exactly one version on. The database remembers every version: an older one, or
another one of a known version, does not open. A change is an entry in the ledger's chain, so receipts witness it. What
was spent stays spent: an account above a lowered cap has nothing left.

A raised cap takes two persons at the node besides the holder's signatures, as soon as the node has two admins with
passkeys: each confirms that very policy on the admin page before it may take effect (`two_persons.py`).
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol.documents.envelope import read_envelope
from protocol.documents.policy import Policy
from protocol.documents.trust_root import TrustRoot
from protocol.trust.root import open_policy
from sandbox.actions.files import write_whole
from sandbox.actions.init import LEDGER_HEAD, POLICY
from sandbox.actions.two_persons import check_two_persons
from sandbox.domain.ledger import Head, Kind, Scopes, next_entry
from sandbox.domain.policy_change import CAPS, check_follows, check_remembered, describe_change
from sandbox.errors import BadInput, Refused
from sandbox.store import ledger
from sandbox.store.audit import record
from sandbox.store.base import Session, Store
from sandbox.store.ledger_head import write_head
from sandbox.store.policy import last_policy, policies, remember_policy

NO_ACCOUNT = Scopes(pool="", lineage="", project="", algorithm="", job="")


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPolicy:
    """A successor that the holder's root keys signed, and what it would change."""

    policy: Policy
    raw: bytes
    digest: str
    changes: tuple[str, ...]


def examine_next(current: Policy, root: TrustRoot, cedar: str, untrusted: bytes) -> NextPolicy:
    """The successor in these bytes; refuses other versions and signers, and other Cedar files than `cedar`."""
    policy, digest = open_policy(untrusted, root, current.node)
    check_follows(current, policy)
    if policy.policy_set_digest != cedar:
        raise BadInput(
            "policy-set-other", "The policy names other Cedar files than this node's; put those there first."
        )
    return NextPolicy(policy=policy, raw=untrusted, digest=digest, changes=describe_change(current, policy))


def accept_next(store: Store, directory: Path, following: NextPolicy, fingerprint: str, now: dt.datetime) -> None:
    """Let a successor take effect from the node's next start on. Memory first: see `trust_root.accept_next`."""
    if fingerprint.replace(":", "").replace(" ", "").lower() != following.digest:
        sentence = "The policy is not the one whose fingerprint you gave; ask its holder for both again."
        raise Refused("policy-fingerprint", sentence)
    check_policy(store, directory / LEDGER_HEAD, following.raw, now, who="operator")
    write_whole(directory / POLICY, following.raw)


def check_policy(store: Store, head_file: Path, raw: bytes, now: dt.datetime, who: str = "node") -> None:
    """Raise Misconfigured unless this verified policy may be in effect; the first time that it is, record it."""
    envelope = read_envelope(raw)
    version = envelope.untrusted(Policy).version  # opened under the trust root before
    with store.reading() as session:
        if _is_known(session, version, envelope.digest):
            return
    with store.transaction() as session:
        head = _take_effect(session, version, envelope.digest, raw, now, who)
    if head is not None:
        write_head(head_file, head)


def adopt_policy(session: Session, raw: bytes, now: dt.datetime) -> None:
    """Remember the policy in the node's files after a restore, which may have forgotten versions before it."""
    envelope = read_envelope(raw)
    version = envelope.untrusted(Policy).version
    last = last_policy(session)
    if last is None or last.version < version:
        remember_policy(session, version, envelope.digest, raw, now)


def policy_history(session: Session) -> list[dict[str, Any]]:
    """Every policy that was in effect, with the moment since when, and its caps."""
    return [
        {"version": row.version, "digest": row.digest, "since": row.accepted_at, **caps_in(row.envelope)}
        for row in policies(session)
    ]


def caps_in(raw: bytes) -> dict[str, int]:
    """The caps that a policy states, by their names there."""
    policy = read_envelope(raw).untrusted(Policy)
    return {name: getattr(policy, name) for name in CAPS}


def _is_known(session: Session, version: int, digest: str) -> bool:
    last = last_policy(session)
    if last is None:
        return False
    check_remembered(version, digest, last.version, last.digest)
    return version == last.version


def _take_effect(session: Session, version: int, digest: str, raw: bytes, now: dt.datetime, who: str) -> Head | None:
    """Remember a version; every one but a node's first is an entry in the chain as well."""
    before = last_policy(session)
    first = before is None
    if _is_known(session, version, digest):
        return None
    if before is not None:
        check_two_persons(session, before.envelope, raw, digest)
    remember_policy(session, version, digest, raw, now)
    record(session, now, who, "policy-accepted", digest, f"version-{version}")
    if first:
        return None
    entry = next_entry(
        ledger.take_head(session),
        order_id=digest,
        nonce=f"policy:{version}",
        scopes=NO_ACCOUNT,
        rho_nano=0,
        now=now,
        kind=Kind.POLICY,
        evidence=digest,
    )
    ledger.append(session, entry)
    return entry.head
