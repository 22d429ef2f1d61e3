"""The caps that a policy sets, as the ledger counts them."""

from protocol.documents.policy import Policy
from sandbox.domain.ledger import Caps


def caps_of(policy: Policy) -> Caps:
    """The caps that the holder signed."""
    return Caps(
        pool_nano=policy.pool_cap_nano,
        lineage_nano=policy.dataset_cap_nano,
        project_nano=policy.project_cap_nano,
        algorithm_nano=policy.algorithm_cap_nano,
        job_nano=policy.job_cap_nano,
    )
