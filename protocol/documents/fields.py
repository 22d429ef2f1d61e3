"""The kinds of fields that documents are made of, and what all documents have in common."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, ClassVar, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

from protocol.documents import limits

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,40})?")
#: Controls, and the characters that make a reader see text in another order than it is written ("Trojan Source").
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")

T = TypeVar("T")


def _read_moment(value: object) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(microsecond=0)
    if isinstance(value, str) and _MOMENT.fullmatch(value, 0) and value.isascii():
        return datetime.fromisoformat(value)
    raise ValueError("is not a moment like 2026-11-23T08:00:00Z")


def _write_moment(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def read_decimal(value: object) -> Decimal:
    """An exact, finite decimal from its text (or from a Decimal made in Python); raises ValueError otherwise."""
    text = format(value, "f") if isinstance(value, Decimal) else value
    if isinstance(text, str) and _DECIMAL.fullmatch(text):
        return Decimal(text)
    raise ValueError('is not a finite decimal written as a string, such as "0.5"')


def _check_seen(value: str) -> str:
    if UNSEEN.search(value):
        raise ValueError("holds control or direction characters that a reader would not see")
    return value


def _sorted_set(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError("names something twice")
    return tuple(sorted(values))


#: A moment: RFC 3339, UTC, whole seconds.
Moment = Annotated[datetime, BeforeValidator(_read_moment), PlainSerializer(_write_moment)]
#: An exact decimal, on the wire a string without exponent.
Amount = Annotated[Decimal, BeforeValidator(read_decimal), PlainSerializer(lambda value: format(value, "f"))]
#: The name of a person, node, dataset, project, office or committee.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._@-]{0,99}$")]
#: SHA-256 in hexadecimal: a document's digest, an order's id, a key's id.
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
#: SHA-256 as container tools write it.
OciDigest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
#: One line that people read.
Line = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\n\t]*$"), AfterValidator(_check_seen)
]
#: A text that people read.
Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_check_seen)]
#: A two-letter country code (ISO 3166-1).
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
#: A purpose or disease: a term of DUO or MONDO.
Term = Annotated[str, StringConstraints(pattern=r"^(DUO|MONDO):[0-9]{7}$")]
#: The name of an output: printable ASCII, long enough for CHROM:POS:REF:ALT of small variants.
OutputName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:>*/-]{0,199}$")]
#: One of the answers that an output may give: printable ASCII, so that no two look alike, without spaces around it and
#: without what JSON would escape.
Category = Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~]([ !#-\[\]-~]{0,98}[!#-\[\]-~])?$")]
#: A number of nano-units of ρ, or any other count of things.
Count = Annotated[int, Field(ge=0, le=limits.JSON_INTEGER)]
Positive = Annotated[int, Field(ge=1, le=limits.JSON_INTEGER)]

#: A JSON array as a tuple; Slugs and the like are sets: no name twice, kept sorted so that equal sets are equal.
Items = Annotated[tuple[T, ...], Field(strict=False, max_length=4096)]
Some = Annotated[tuple[T, ...], Field(strict=False, min_length=1, max_length=4096)]
SlugSet = Annotated[Items[Slug], AfterValidator(_sorted_set)]
SomeSlugs = Annotated[Some[Slug], AfterValidator(_sorted_set)]
DigestSet = Annotated[Items[Digest], AfterValidator(_sorted_set)]
SomeDigests = Annotated[Some[Digest], AfterValidator(_sorted_set)]
SomeTerms = Annotated[Some[Term], AfterValidator(_sorted_set)]


class Record(BaseModel):
    """A part of a document: immutable, no unknown field, no silent conversion."""

    # Built at first use: a command that reads one kind of document does not pay for ten.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Subject(NamedTuple):
    """What an in-toto statement is about: a name and a SHA-256 digest, both from checked fields of a document."""

    name: str
    sha256: str


class Document(Record):
    """A signed document. ``KIND`` is the last word of its predicate type."""

    KIND: ClassVar[str]

    def subjects(self) -> tuple[Subject, ...]:
        """What strangers' tools are told that this document is about; a reader requires exactly these."""
        raise NotImplementedError
