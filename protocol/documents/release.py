"""Release: the values, and what they guarantee. Plain canonical JSON, sealed to the recipient key of the order."""

from typing import Self

from pydantic import model_validator

from protocol.documents.fields import Amount, Count, Digest, Items, Line, OutputName, Record, Slug, Some, Text
from protocol.documents.policy import Profile, Timing
from protocol.documents.strict import build, canonical, parse_object
from protocol.errors import Refused

_FIXED_BYTES, _OUTPUT_BYTES = 16_384, 3072


class Interval(Record):
    """An interval, the probability with which it covers, and in words what it covers and assumes."""

    low: Amount
    high: Amount
    level: Amount
    covers: Text

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low > self.high or not 0 < self.level < 1:
            raise Refused("release-malformed", "A release's interval is empty or has no level; ask the node's holder.")
        return self


class ReleasedValue(Record):
    """One output as it leaves the node."""

    name: OutputName
    value: Amount
    mechanism: Line
    scale: Amount
    noise_interval: Interval
    total_interval: Interval | None
    standard_error: Amount | None
    rho_nano: Count


class Release(Record):
    """What the researcher reads: the guarantee, not only the numbers."""

    order: Digest
    node: Slug
    dataset: Slug
    snapshot: Slug
    people: Count
    blocks: Count
    mode: Slug
    outputs: Some[ReleasedValue]
    rho_nano: Count
    delta: Amount
    epsilon: Amount
    timing: Timing
    profile: Profile
    assumptions: Items[Text]

    def to_bytes(self) -> bytes:
        """Canonical JSON, before padding and sealing."""
        return canonical(self.model_dump(mode="json"))


def read_release(untrusted: bytes) -> Release:
    """A release from its bytes, parsed strictly; its seal and digest are checked by ``protocol.chain``."""
    return build(Release, parse_object(untrusted, limit=64 * 1024 * 1024))


def padded_length(outputs: int) -> int:
    """How long the plaintext of a release with so many outputs is made, whatever it says: public facts only."""
    return _FIXED_BYTES + _OUTPUT_BYTES * outputs
