"""The terms under which a job was charged, pinned in its row.

A job that was paid for runs, and is reported, under exactly these: a policy signed later, a newer snapshot, or a
revocation that arrives during the run changes nothing about it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from protocol.documents.policy import Policy
from protocol.documents.strict import build
from sandbox.domain.dataset import DatasetFacts
from sandbox.store.dataset import facts_from_json, facts_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The digests that a receipt names, and what the ledger said."""

    approvals: tuple[str, ...] = ()
    rosters: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    trust_root: str
    policy: str
    snapshot: str | None = None
    measurement: str | None = None
    ledger_head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was agreed when the charge was made."""

    policy: Policy
    facts: DatasetFacts
    evidence: Evidence
    chambers: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for the job's row."""
        return {
            "policy": self.policy.model_dump(mode="json"),
            "facts": facts_to_json(self.facts),
            "evidence": asdict(self.evidence),
            "chambers": self.chambers,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        lists = {name: tuple(value) for name, value in values["evidence"].items() if isinstance(value, list)}
        return cls(
            policy=build(Policy, values["policy"]),
            facts=facts_from_json(values["facts"]),
            evidence=Evidence(**{**values["evidence"], **lists}),
            chambers=values["chambers"],
        )
