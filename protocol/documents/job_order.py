"""JobOrder: a researcher asks one node to run one approved algorithm once. Its id is the digest of its payload."""

from collections.abc import Sequence
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
from protocol.documents.strict import Json, canonical
from protocol.errors import Refused


class RhoShare(Record):
    """How much privacy one output may cost, in nano-units of ρ, and how much more to buy its total interval for."""

    output: OutputName
    nano: Positive
    interval_nano: Count = 0


def share_equally(names: Sequence[str], total_nano: int) -> tuple[RhoShare, ...]:
    """A total as equal shares, each at least a nano; what does not divide is left unspent, never rounded up."""
    share = total_nano // max(len(names), 1)
    return tuple(RhoShare.model_validate({"output": name, "nano": share}) for name in names)


class OrderDraft(Record):
    """Everything in an order that is a choice. A page may compose it; only the researcher's own machine signs."""

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

    @property
    def rho_nano(self) -> int:
        """The sum of all shares, bought intervals included."""
        return sum(share.nano + share.interval_nano for share in self.rho)

    @property
    def choices(self) -> bytes:
        """The choices alone as canonical JSON: of a draft, and of every order that was made from it, the same bytes."""
        return canonical(self.model_dump(mode="json", include=set(OrderDraft.model_fields)))


class JobOrder(OrderDraft, Document):
    """Signed by an accredited researcher."""

    KIND: ClassVar[str] = "job-order"

    recipient: Annotated[str, StringConstraints(max_length=4096)]
    nonce: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32,64}$")]
    not_before: Moment
    not_after: Moment

    def subjects(self) -> tuple[Subject, ...]:
        approvals = (Subject(name="approval", sha256=digest) for digest in self.approvals)
        return (Subject(name="algorithm", sha256=self.algorithm), *approvals)

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
