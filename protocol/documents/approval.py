"""Approval: one committee member's decision on exactly one algorithm under exactly these conditions."""

from typing import ClassVar, Literal

from protocol.documents.fields import (
    Digest,
    Document,
    Moment,
    Positive,
    Record,
    Slug,
    SomeSlugs,
    SomeTerms,
    Subject,
    Text,
)


class Conditions(Record):
    """The limits of an approval. Two approvals add up only where all of these are the same."""

    nodes: SomeSlugs
    datasets: SomeSlugs
    purposes: SomeTerms
    rho_per_job_nano: Positive
    rho_total_per_node_nano: Positive
    runs_per_node: Positive
    expires: Moment


class Approval(Document):
    """Signed by one committee member with the key of the roster."""

    KIND: ClassVar[str] = "approval"

    algorithm: Digest
    roster: Digest
    committee: Slug
    member: Slug
    project: Slug
    persons: SomeSlugs
    decision: Literal["approve", "reject"]
    conditions: Conditions
    conflict_of_interest: bool
    rationale: Text
    signed_at: Moment

    def subjects(self) -> tuple[Subject, ...]:
        return (Subject(name="algorithm", sha256=self.algorithm), Subject(name="roster", sha256=self.roster))
