"""Release: the values, and what they guarantee. Plain canonical JSON, sealed to the recipient key of the order."""

from typing import Self

from pydantic import model_validator

from protocol.documents.fields import (
    Amount,
    Category,
    Count,
    Digest,
    Items,
    Line,
    OutputName,
    Record,
    Slug,
    Some,
    Text,
)
from protocol.documents.policy import Profile, Timing
from protocol.documents.strict import build, canonical, parse_object
from protocol.errors import Refused

_FIXED_BYTES, _OUTPUT_BYTES, _BAR_BYTES = 16_384, 3072, 1024


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
    """One number as it leaves the node."""

    name: OutputName
    value: Amount
    mechanism: Line
    scale: Amount
    noise_interval: Interval
    total_interval: Interval | None
    standard_error: Amount | None
    rho_nano: Count


class ReleasedCategory(Record):
    """The category that won a vote, and in words how far to trust it: no interval can be stated without more ρ."""

    name: OutputName
    category: Category
    mechanism: Line
    scale: Amount
    claim: Text
    rho_nano: Count


class Bar(Record):
    """One bar of a histogram: its value, and how far noise alone, or noise and sampling, may have moved it."""

    category: Category
    value: Amount
    noise_low: Amount
    noise_high: Amount
    total_low: Amount
    total_high: Amount
    standard_error: Amount

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.noise_low > self.noise_high or self.total_low > self.total_high:
            raise Refused("release-malformed", "A bar's interval is empty; ask the node's holder.")
        return self


class Cover(Record):
    """The probability with which an interval covers, and in words what it covers and assumes."""

    level: Amount
    covers: Text


class ReleasedHistogram(Record):
    """A histogram as it leaves the node: one bar for each category of the spec, all paid for together."""

    name: OutputName
    bars: Some[Bar]
    mechanism: Line
    scale: Amount
    noise: Cover
    total: Cover
    rho_nano: Count


ReleasedOutput = ReleasedValue | ReleasedCategory | ReleasedHistogram


class Release(Record):
    """What the researcher reads: the guarantee, not only the numbers."""

    order: Digest
    node: Slug
    dataset: Slug
    snapshot: Slug
    people: Count
    blocks: Count
    mode: Slug
    outputs: Some[ReleasedOutput]
    rho_nano: Count
    delta: Amount
    epsilon: Amount
    timing: Timing
    profile: Profile
    assumptions: Items[Text]

    @property
    def numbers(self) -> tuple[ReleasedValue, ...]:
        """The outputs that are single numbers."""
        return tuple(output for output in self.outputs if isinstance(output, ReleasedValue))

    def padded_length(self) -> int:
        """How long the plaintext is made, whatever it says: the numbers of outputs and of bars are in the spec."""
        bars = sum(len(output.bars) for output in self.outputs if isinstance(output, ReleasedHistogram))
        return _FIXED_BYTES + _OUTPUT_BYTES * len(self.outputs) + _BAR_BYTES * bars

    def to_bytes(self) -> bytes:
        """Canonical JSON, before padding and sealing."""
        return canonical(self.model_dump(mode="json"))


def read_release(untrusted: bytes) -> Release:
    """A release from its bytes, parsed strictly; its seal and digest are checked by ``protocol.chain``."""
    return build(Release, parse_object(untrusted, limit=64 * 1024 * 1024))
