"""Accreditation: an office says who a person or node is, with which keys, until when."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from protocol.documents.fields import Country, Document, Items, Line, Moment, Slug, SlugSet, Some, Subject
from protocol.documents.key import Key, check_distinct, check_in_files
from protocol.documents.signature import SignatureEntry
from protocol.errors import Refused


class Accreditation(Document):
    """Signed by an accreditation office."""

    KIND: ClassVar[str] = "accreditation"

    subject: Slug
    kind: Literal["person", "node"]
    name: Line
    institution: Slug
    country: Country
    roles: SlugSet
    keys: Some[Key]
    office: Slug
    valid_from: Moment
    valid_until: Moment
    #: Each key's proof that its holder has it (``key_proof.py``): for the office, the registry, and whoever doubts.
    proofs: Items[SignatureEntry] = ()

    def subjects(self) -> tuple[Subject, ...]:
        return tuple(key.subject(self.subject) for key in self.keys)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_distinct(self.keys)
        if self.kind == "node":
            check_in_files(self.keys)
        if self.valid_from >= self.valid_until:
            raise Refused("document-malformed", "The accreditation ends before it begins; correct its two moments.")
        return self
