"""Roster: an office says who sits on a committee. It may tighten the rule of a trust root, never loosen it."""

from typing import ClassVar, Self

from pydantic import model_validator

from protocol.documents.fields import Document, Moment, Positive, Record, Slug, SlugSet, Some, Subject
from protocol.documents.key import Key, check_distinct
from protocol.documents.signature import SignatureEntry
from protocol.errors import Refused


class Member(Record):
    """One person on a committee, with the one key that signs for this committee."""

    person: Slug
    institution: Slug
    seats: SlugSet
    key: Key
    #: The key's proof that this person has it (``key_proof.py``).
    proof: SignatureEntry | None = None


class Roster(Document):
    """Signed by an accreditation office. Nobody, and no key, is listed twice."""

    KIND: ClassVar[str] = "roster"

    committee: Slug
    office: Slug
    version: Positive
    members: Some[Member]
    minimum_approvals: Positive
    minimum_institutions: Positive
    seats: SlugSet
    expires: Moment
    #: Whether members of the author's institution do not count either; the trust root may say so too.
    exclude_author_institution: bool = True

    def subjects(self) -> tuple[Subject, ...]:
        return tuple(member.key.subject(member.person) for member in self.members)

    def member(self, person: str) -> Member | None:
        """The entry of ``person``, if there is one."""
        return next((member for member in self.members if member.person == person), None)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_distinct(tuple(member.key for member in self.members))
        if len({member.person for member in self.members}) != len(self.members):
            raise Refused("roster-duplicate", "The roster lists one person twice; list every member once.")
        return self
