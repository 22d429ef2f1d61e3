"""JobOrder: a researcher asks one node to run one approved algorithm once. Its id is the digest of its payload."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from protocol.crypto.encoding import decode_base64
from protocol.crypto.hpke import check_recipient
from protocol.documents.fields import (
    Count,
    Digest,
    Document,
    Moment,
    OutputName,
    Positive,
    Record,
    Slug,
    Some,
    SomeDigests,
    Subject,
    Term,
)
from protocol.documents.strict import Json
from protocol.errors import Refused


class RhoShare(Record):
    """How much privacy one output may cost, in nano-units of ρ, and how much more to buy its total interval for."""

    output: OutputName
    nano: Positive
    interval_nano: Count = 0


class JobOrder(Document):
    """Signed by an accredited researcher."""

    KIND: ClassVar[str] = "job-order"

    algorithm: Digest
    approvals: SomeDigests
    researcher: Slug
    project: Slug
    purpose: Term
    node: Slug
    dataset: Slug
    parameters: dict[str, Json]
    blocks: Annotated[Count, Field(le=1_000_000)]
    rho: Some[RhoShare]
    recipient: Annotated[str, StringConstraints(max_length=4096)]
    nonce: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32,64}$")]
    not_before: Moment
    not_after: Moment

    def subjects(self) -> tuple[Subject, ...]:
        approvals = (Subject(name="approval", sha256=digest) for digest in self.approvals)
        return (Subject(name="algorithm", sha256=self.algorithm), *approvals)

    @property
    def rho_nano(self) -> int:
        """The sum of all shares, bought intervals included."""
        return sum(share.nano + share.interval_nano for share in self.rho)

    @property
    def recipient_bytes(self) -> bytes:
        """The public key that results are sealed to."""
        return decode_base64(self.recipient)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_recipient(self.recipient_bytes)
        if self.not_before >= self.not_after:
            raise Refused("order-window", "The order ends before it begins; sign a new one.")
        return self
