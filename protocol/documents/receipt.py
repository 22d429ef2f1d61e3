"""Receipt: a node says what it decided about an order, why, and what it cost."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import StringConstraints, model_validator

from protocol.documents.fields import (
    Count,
    Digest,
    DigestSet,
    Document,
    Items,
    Line,
    Moment,
    Slug,
    Subject,
    Text,
)
from protocol.documents.policy import Profile, Timing
from protocol.errors import Refused

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]
#: Canonical JSON of the mechanisms: up to a thousand outputs, each with a share of its own.
Measurement = Annotated[str, StringConstraints(max_length=400_000)]
Proof = Annotated[str, StringConstraints(max_length=10_000)]


class Receipt(Document):
    """Signed by the node. ``release_digest`` is of the ciphertext, so it is no digest of a guessable value."""

    KIND: ClassVar[str] = "receipt"

    node: Slug
    order: Digest
    researcher: Slug
    project: Slug
    dataset: Slug
    algorithm: Digest
    approvals: DigestSet
    rosters: DigestSet
    statuses: DigestSet
    trust_root: Digest
    policy: Digest
    snapshot: Slug | None
    decision: Literal["released", "refused", "failed", "cancelled"]
    code: Code
    reason: Text
    rho_charged_nano: Count
    rho_left_nano: Count
    measurement: Measurement | None
    ledger_head: Digest
    release_digest: Digest | None
    timing: Timing
    profile: Profile
    software: Line
    opendp: Line
    issued: Moment
    checkpoint: Proof | None
    proofs: Items[Proof]

    def subjects(self) -> tuple[Subject, ...]:
        order = Subject(name="order", sha256=self.order)
        if self.release_digest is None:
            return (order,)
        return (order, Subject(name="release", sha256=self.release_digest))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.decision == "released") != (self.release_digest is not None):
            raise Refused("receipt-inconsistent", "The receipt binds a release if and only if one was made; reject it.")
        if self.decision == "refused" and self.rho_charged_nano:
            raise Refused("receipt-inconsistent", "The receipt charges for a refusal; reject it and ask the node.")
        return self
