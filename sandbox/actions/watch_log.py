"""Watch the registry's transparency log, and take no order whose approvals it does not hold.

Only where the trust root pins a log's key; where it pins none, this node records none, and receipts say nothing of a
log.

1. At every poll, and for every order whose approvals the last believed checkpoint does not hold, the registry must show
   a checkpoint that continues that one. One that does not (`log-rollback`, `log-fork`) is kept as evidence, and from
   then on every order is held, until the node's admin has looked and accepts the log anew.
2. A checkpoint that the log did not sign counts as none: orders are held until there is one.
3. Every approval that an order rests on must be in the log of a believed checkpoint, or the order is refused.
4. Checkpoint and proofs go into the receipt, where others compare them with what other nodes saw.

Two processes may watch at once. Each compares with what was known before it asked, so that neither takes the other's
progress for a roll-back.
"""

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from protocol.chain import OrderBundle
from protocol.crypto.keys import PublicKey
from protocol.documents.checkpoint import Checkpoint, open_checkpoint, origin_of
from protocol.documents.envelope import Envelope, read_envelope
from protocol.documents.trust_root import TrustRoot
from protocol.trust.log import check_continues, check_logged, check_one_history
from sandbox.actions.node import Node
from sandbox.domain.reason import check_reason
from sandbox.errors import BadInput, Held, Refused, RegistryDeclined
from sandbox.hub.registry import Registry
from sandbox.store import log
from sandbox.store.audit import record
from sandbox.store.base import Session, Store
from sandbox.store.log import LogSeen

MISSING = "This node's trust root pins the key of a log, and the registry shows no such log; ask its operator."


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvidence:
    """What a receipt says about the log: the checkpoint that this node saw, and proofs of the approvals."""

    checkpoint: str | None = None
    proofs: tuple[str, ...] = ()


def watch(node: Node, registry: Registry) -> Checkpoint | None:
    """Return the log's newest checkpoint that this node believes; None if its trust root pins no log.

    Raises Held with the reason as long as the log is not to be believed.
    """
    key = log_key(node.trust.root)
    return None if key is None else _watch(node, registry, key)


def _watch(node: Node, registry: Registry, key: PublicKey) -> Checkpoint:
    with node.store.reading() as session:
        seen = log.read_seen(session, origin_of(key))
    _check_quiet(seen)
    before = open_checkpoint(seen.checkpoint, key) if seen else None
    shown = _ask(registry, key)
    try:
        check_continues(before, shown, _ask_growth(registry, before, shown))
        return _keep(node, key, shown)
    except Refused as refused:
        _sound(node, shown, refused)
        raise Held(refused.code, refused.sentence) from refused


def prove(node: Node, job_id: str, bundle: OrderBundle, approvals: Sequence[str]) -> None:
    """Keep proofs that the log holds these approvals, once for each job; raises Refused (`log-…`) or Held."""
    key = log_key(node.trust.root)
    if key is None:
        return
    with node.store.reading() as session:
        seen, proved = log.read_seen(session, origin_of(key)), log.read_proofs(session, job_id)
    _check_quiet(seen)
    if proved is not None:
        return
    known = {envelope.digest: envelope for envelope in map(read_envelope, bundle.approvals)}
    checkpoint, proofs = _prove_all(node, key, seen, [known[digest] for digest in approvals])
    with node.store.transaction() as session:
        log.keep_proofs(session, job_id, checkpoint.raw, proofs)


def check_proved(node: Node, session: Session, job_id: str) -> None:
    """Raise Held unless the log is quiet and holds the job's approvals: asked again in the charge's transaction."""
    key = log_key(node.trust.root)
    if key is None:
        return
    _check_quiet(log.read_seen(session, origin_of(key)))
    if log.read_proofs(session, job_id) is None:
        raise Held("log-missing", MISSING)


def evidence(node: Node, job_id: str, *, charged: bool) -> LogEvidence:
    """What the receipt of a job says about the log: of a charged job, what was seen before the charge."""
    key = log_key(node.trust.root)
    with node.store.reading() as session:
        proved = log.read_proofs(session, job_id)
        if proved is not None:
            return LogEvidence(checkpoint=proved.checkpoint, proofs=tuple(proved.proofs))
        seen = log.read_seen(session, origin_of(key)) if key and not charged else None
        return LogEvidence(checkpoint=seen.checkpoint if seen else None)


def read_log(store: Store, root: TrustRoot) -> dict[str, Any]:
    """What the node's admin sees of the log."""
    key = log_key(root)
    if key is None:
        return {"pinned": False}
    with store.reading() as session:
        seen = log.read_seen(session, origin_of(key))
    if seen is None:
        return {"pinned": True, "origin": origin_of(key), "checkpoint": None}
    names = ("origin", "size", "checkpoint", "seen_at", "alarm", "alarm_sentence", "alarm_checkpoint", "alarm_at")
    return {"pinned": True, **{name: getattr(seen, name) for name in names}}


def accept_log(store: Store, root: TrustRoot, reason: str, now: dt.datetime) -> dict[str, Any]:
    """Forget what was seen of the log, alarm included, and take the next checkpoint as the first one.

    For an admin who knows why: it is as if the node had never seen this log. What is forgotten is returned.
    """
    key = log_key(root)
    if key is None:
        raise BadInput("log-unpinned", "The trust root of this node pins no log, so there is nothing to accept.")
    reason, forgotten = check_reason(reason), read_log(store, root)
    with store.transaction() as session:
        log.forget_seen(session, origin_of(key))
        record(session, now, "operator", "log-accepted", origin_of(key), reason)
    return forgotten


def log_key(root: TrustRoot) -> PublicKey | None:
    """The key of the log that the trust root pins."""
    return root.log_key.to_public() if root.log_key else None


def _ask(registry: Registry, key: PublicKey) -> Checkpoint:
    try:
        return open_checkpoint(registry.log_checkpoint(), key)
    except RegistryDeclined as declined:
        raise Held("log-missing", MISSING) from declined
    except Refused as refused:
        raise Held(refused.code, refused.sentence) from refused


def _ask_growth(registry: Registry, before: Checkpoint | None, shown: Checkpoint) -> tuple[bytes, ...]:
    """The proof that the log only grew; none if none is needed, or if the registry denies its own checkpoint."""
    if before is None or not 0 < before.size < shown.size:
        return ()
    try:
        return registry.log_consistency(before.size, shown.size)
    except RegistryDeclined:
        return ()


def _keep(node: Node, key: PublicKey, shown: Checkpoint) -> Checkpoint:
    with node.store.transaction() as session:
        newest = log.keep_seen(session, shown.origin, shown.raw, shown.size, node.clock.now())
    kept = open_checkpoint(newest, key)
    check_one_history([kept, shown])
    return kept


def _sound(node: Node, shown: Checkpoint, refused: Refused) -> None:
    """Keep the evidence and stop: from here on `_check_quiet` holds every order."""
    now = node.clock.now()
    with node.store.transaction() as session:
        if log.raise_alarm(session, shown.origin, refused.code, refused.sentence, shown.raw, now):
            record(session, now, node.name, "log-alarm", shown.origin, refused.code)


def _check_quiet(seen: LogSeen | None) -> None:
    if seen is not None and seen.alarm is not None:
        raise Held(seen.alarm, seen.alarm_sentence or "")


def _prove_all(
    node: Node, key: PublicKey, seen: LogSeen | None, approvals: list[Envelope]
) -> tuple[Checkpoint, list[str]]:
    """Prove them under the checkpoint believed last, which mostly holds them; else under a new one, or not at all."""
    if seen is not None:
        believed = open_checkpoint(seen.checkpoint, key)
        with suppress(Refused):
            return believed, [_prove(node.registry, each, believed) for each in approvals]
    newest = _watch(node, node.registry, key)
    return newest, [_prove(node.registry, each, newest) for each in approvals]


def _prove(registry: Registry, envelope: Envelope, checkpoint: Checkpoint) -> str:
    try:
        proof = registry.log_inclusion(envelope.digest, checkpoint.size)
    except RegistryDeclined as declined:
        sentence = "The registry's log does not hold an approval of this order; have the committee publish it."
        raise Refused("log-inclusion", sentence) from declined
    check_logged(proof, envelope, checkpoint)
    return proof
