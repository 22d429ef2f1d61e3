"""Status: an office says what is revoked. Without a live one nothing runs, so that nobody can hide a revocation."""

from typing import ClassVar, Self

from pydantic import model_validator

from protocol.crypto.digest import sha256_hex
from protocol.documents import limits
from protocol.documents.fields import DigestSet, Document, Moment, Positive, Record, Slug, SlugSet, Subject
from protocol.errors import Refused


class Revoked(Record):
    """Everything that no longer counts, by name or by digest."""

    persons: SlugSet = ()
    keys: DigestSet = ()
    rosters: DigestSet = ()
    approvals: DigestSet = ()
    algorithms: DigestSet = ()
    nodes: SlugSet = ()


class Status(Document):
    """Signed by an accreditation office; lives at most seven days."""

    KIND: ClassVar[str] = "status"

    office: Slug
    version: Positive
    issued: Moment
    expires: Moment
    revoked: Revoked

    def subjects(self) -> tuple[Subject, ...]:
        return (Subject(name=self.office, sha256=sha256_hex(self.office.encode())),)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.issued < self.expires <= self.issued + limits.STATUS_LIFETIME:
            raise Refused("status-lifetime", "The status lives longer than seven days, or not at all; issue it anew.")
        return self
