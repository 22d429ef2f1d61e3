"""What a holder's next policy would change, and which version may follow which."""

from protocol.documents.policy import Policy
from sandbox.errors import Misconfigured, Refused

CAPS = ("job_cap_nano", "project_cap_nano", "algorithm_cap_nano", "dataset_cap_nano", "pool_cap_nano")


def describe_change(current: Policy, following: Policy) -> tuple[str, ...]:
    """One line for each number that becomes another one."""
    before, after = current.model_dump(mode="json"), following.model_dump(mode="json")
    return tuple(f"~ {name}: {before[name]} -> {after[name]}" for name in sorted(before) if before[name] != after[name])


def raises_cap(current: Policy, following: Policy) -> bool:
    """Tell whether any cap is higher in the following policy."""
    return any(getattr(following, cap) > getattr(current, cap) for cap in CAPS)


def check_follows(current: Policy, following: Policy) -> None:
    """Refuse (policy-version) every policy but the one that is exactly one version on."""
    if following.version != current.version + 1:
        sentence = f"The policy given has version {following.version}; only {current.version + 1} may follow."
        raise Refused("policy-version", sentence)


def check_remembered(version: int, digest: str, last_version: int, last_digest: str) -> None:
    """Stop a node whose policy file is older than the last one in effect, another of its version, or skips one."""
    if version < last_version:
        sentence = f"Version {last_version} of the holder's policy was in effect here; put it back, not an older one."
        raise Misconfigured("policy-rollback", sentence)
    if version == last_version and digest != last_digest:
        sentence = f"Another policy of version {version} was in effect at this node; its holder must say which."
        raise Misconfigured("policy-fork", sentence)
    if version > last_version + 1:
        sentence = f"Version {last_version} of the policy was in effect here, so only {last_version + 1} may follow."
        raise Misconfigured("policy-version", sentence)
