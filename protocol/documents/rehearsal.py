"""Rehearsal: what an algorithm did on a synthetic twin of a dataset, with everything that is hidden on real data.

It costs nothing and proves nothing about people: no real record was read. What it shows of the program (its words, its
exit codes) is untrusted text, escaped by whoever rehearsed.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from protocol.documents.fields import (
    Amount,
    Count,
    Digest,
    Document,
    Items,
    Line,
    Moment,
    OutputName,
    Positive,
    Record,
    Slug,
    Subject,
    Text,
)
from protocol.documents.receipt import Code
from protocol.documents.strict import Json
from protocol.errors import Refused

#: How many chambers of a rehearsal are run again to be watched, and how much of their words a report keeps.
WATCHED_MOST = 32
Words = Annotated[Text, Field(max_length=4_000)]


class Finding(Record):
    """Something to put right (`fault`) or to know (`warning`), with a stable code and a sentence."""

    level: Literal["fault", "warning"]
    code: Code
    sentence: Annotated[Text, Field(max_length=1_000)]


class RehearsedOutput(Record):
    """One output: what it would cost, what the chambers said, what the gate made of it.

    `clamped` counts chambers whose value lay outside the range. `spread` is the standard deviation of the chambers'
    values before clamping. `noiseless` is what the gate would say without noise. Errors are root mean squares; they are
    None where the spec or the mechanism gives none.
    """

    name: OutputName
    aggregator: Line
    mechanism: Line
    rho_nano: Count
    value: Line
    noiseless: Line
    read: Count
    clamped: Count
    spread: Amount | None
    spread_declared: Amount | None
    noise: Amount | None
    total: Amount | None


class Failure(Record):
    """One chamber that counts with its default, and why as far as it is known."""

    chamber: Count
    code: Code
    detail: Annotated[Text, Field(max_length=300)]


class Watched(Record):
    """One chamber that ran once more with open standard streams; text is escaped and cut."""

    chamber: Count
    exit_code: Count
    milliseconds: Count
    late: bool
    out_of_memory: bool
    output_bytes: Count
    stdout: Words
    stderr: Words


class Rehearsal(Document):
    """Signed by who rehearsed: a researcher, or a node without data.

    ``proposal`` binds what was rehearsed (`Algorithm.proposal_digest`), ``entry`` the catalogue entry that the twin was
    made from, ``limits`` the holder's limits that were applied; both are SHA-256 of canonical JSON.
    """

    KIND: ClassVar[str] = "rehearsal"

    by: Slug
    by_kind: Literal["person", "node"]
    proposal: Digest
    image: Digest
    name: Slug
    version: Line
    dataset: Slug
    entry: Digest
    limits: Digest
    seed: Count
    twin_people: Count
    notes: Items[Annotated[Text, Field(max_length=1_000)]]
    parameters: dict[str, Json]
    blocks: Count
    rho_asked_nano: Positive
    price_nano: Count
    fit: bool
    findings: Items[Finding]
    outputs: Items[RehearsedOutput]
    chambers: Count
    chambers_empty: Count
    chambers_good: Count
    failures: Annotated[Items[Failure], Field(max_length=256)]
    watched: Annotated[Items[Watched], Field(max_length=WATCHED_MOST)]
    slot_milliseconds: Positive
    run_milliseconds: Count
    engine: Line
    software: Line
    opendp: Line
    issued: Moment

    def subjects(self) -> tuple[Subject, ...]:
        return (Subject(name="image", sha256=self.image), Subject(name="proposal", sha256=self.proposal))

    @model_validator(mode="after")
    def _check(self) -> Self:
        faults = any(finding.level == "fault" for finding in self.findings)
        if self.fit == faults or self.chambers_empty + self.chambers_good > self.chambers:
            raise Refused(
                "rehearsal-inconsistent",
                "The report of the rehearsal contradicts itself; rehearse the algorithm again.",
            )
        return self
