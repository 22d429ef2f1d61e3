"""Policy: a data holder's limits for one node. Nothing here has a default: somebody decided each number."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from protocol.documents.fields import Amount, Digest, Document, Positive, Slug, Subject
from protocol.errors import Refused

Timing = Literal["immediate", "padded"]
Profile = Literal["standard", "strict"]


class Policy(Document):
    """Signed by the data holder's root keys. Amounts of ρ in nano-units."""

    KIND: ClassVar[str] = "policy"

    holder: Slug
    node: Slug
    version: Positive
    policy_set_digest: Digest
    delta: Amount
    candidates: Annotated[int, Field(ge=2, le=1_000_000)]
    blocks_minimum: Positive
    block_people_minimum: Positive
    job_cap_nano: Positive
    project_cap_nano: Positive
    dataset_cap_nano: Positive
    pool_cap_nano: Positive
    algorithm_cap_nano: Positive
    maximum_family_size: Annotated[int, Field(ge=1, le=1000)]
    timing: Timing
    lanes: Annotated[int, Field(ge=1, le=1024)]
    epoch_seconds: Positive
    project_failures: Annotated[int, Field(ge=0, le=1000)]
    profile: Profile

    def subjects(self) -> tuple[Subject, ...]:
        return (Subject(name="policy-set", sha256=self.policy_set_digest),)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not 0 < self.delta < 1:
            raise Refused("policy-delta", "The policy's δ is not between 0 and 1; correct it and sign it again.")
        if self.profile == "strict" and (self.timing != "padded" or self.lanes != 1):
            sentence = (
                "The policy promises strict with chambers side by side, or at no fixed times; sign padded, lanes 1."
            )
            raise Refused("policy-profile", sentence)
        return self
