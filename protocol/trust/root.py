"""The trust root: pinned by a fingerprint at first, then replaced only by its own keys, one version at a time."""

from collections.abc import Iterable
from datetime import datetime

from protocol.crypto.keys import PublicKey
from protocol.documents.envelope import read_claim, read_envelope
from protocol.documents.limits import CLOCK_SKEW
from protocol.documents.policy import Policy
from protocol.documents.trust_root import CommitteeRule, TrustRoot
from protocol.errors import Refused
from protocol.trust.memory import Memory


def open_trust_root(untrusted: bytes, fingerprint: str) -> TrustRoot:
    """The trust root in ``untrusted``, if its payload has the SHA-256 ``fingerprint`` that came by another channel.

    It must also be signed by the threshold of its own keys. Refuses ``trust-root-fingerprint``.
    """
    envelope = read_envelope(untrusted)
    if envelope.digest != fingerprint.replace(":", "").replace(" ", "").lower():
        sentence = "The trust root is not the one whose fingerprint you gave; ask its holder for both again."
        raise Refused("trust-root-fingerprint", sentence)
    root = envelope.untrusted(TrustRoot)
    envelope.check_signed(_keys(root), root.root_threshold)
    return root


def open_next_trust_root(untrusted: bytes, current: TrustRoot) -> TrustRoot:
    """The successor of ``current``: one version on, signed by the threshold of the old keys and of its own.

    Refuses ``trust-root-version`` (an older, equal or later one) and ``trust-root-holder``.
    """
    claim = read_claim(untrusted, TrustRoot)
    claim.checked(_keys(current), current.root_threshold)
    root = claim.checked(_keys(claim.untrusted), claim.untrusted.root_threshold)
    if root.holder != current.holder:
        raise Refused("trust-root-holder", "The new trust root is another holder's; refuse it.")
    if root.version != current.version + 1:
        sentence = f"The new trust root has version {root.version}; only {current.version + 1} may follow."
        raise Refused("trust-root-version", sentence)
    return root


def open_policy(untrusted: bytes, root: TrustRoot, node: str) -> tuple[Policy, str]:
    """The holder's policy for ``node``, and its digest; signed by the threshold of the root's keys."""
    claim = read_claim(untrusted, Policy)
    policy = claim.checked(_keys(root), root.root_threshold)
    if policy.holder != root.holder or policy.node != node:
        raise Refused("policy-other-node", f"The policy is not {root.holder}'s for {node}; sign one for this node.")
    return policy, claim.digest


def check_live(root: TrustRoot, now: datetime, memory: Memory) -> None:
    """Refuse a trust root that has expired, and a clock that ran backwards."""
    if memory.clock is not None and now < memory.clock - CLOCK_SKEW:
        raise Refused("clock-behind", "The clock is behind what this node has already seen; set it right.")
    if now >= root.expires:
        raise Refused("trust-root-expired", "The trust root has expired; ask the data holder for the next version.")


def office_keys(root: TrustRoot, office: str) -> tuple[PublicKey, ...]:
    """The keys of an office that the root knows, or Refused ``office-unknown``."""
    entry = root.office(office)
    if entry is None:
        raise Refused("office-unknown", f"The office {office} is not in the trust root; ask the data holder to add it.")
    return tuple(key.to_public() for key in entry.keys)


def required_committees(root: TrustRoot, dataset: str) -> tuple[CommitteeRule, ...]:
    """Every committee that must agree on ``dataset``, or Refused ``dataset-unknown``: no rule means no."""
    rule = root.dataset(dataset)
    if rule is None:
        raise Refused("dataset-unknown", f"The trust root has no rule for dataset {dataset}; nothing may touch it.")
    return rule.committees


def _keys(root: TrustRoot) -> Iterable[PublicKey]:
    return tuple(key.to_public() for key in root.root_keys)
