"""Algorithm: a researcher's image and the specification of everything it may say.

In mode ``statistic`` there is no image: what the node's own code computes is declared in ``statistics``.

The checks on a specification raise codes ``spec-…`` as soon as it is parsed, so that no node, registry or page ever
holds one that cannot be run safely.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from protocol.crypto.digest import sha256_hex
from protocol.documents import limits, parameters
from protocol.documents.fields import (
    Amount,
    Category,
    Count,
    Digest,
    Document,
    Items,
    OciDigest,
    OutputName,
    Positive,
    Record,
    Slug,
    SlugSet,
    Some,
    SomeTerms,
    Subject,
    Text,
    read_decimal,
)
from protocol.documents.statistic import StatisticSpec
from protocol.documents.strict import Json, canonical, malformed
from protocol.errors import Refused

Mode = Literal["block", "unit", "statistic", "reviewed", "airlock"]
Aggregator = Literal["median", "mean", "vote", "sum", "count", "histogram"]
Argument = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}$")]

#: What an algorithm that runs in chambers must say, and one without chambers must leave out.
_OF_CHAMBERS = (
    "image", "entrypoint", "outputs", "slot_milliseconds", "memory_bytes", "output_bytes", "model_parameters"
)  # fmt: skip

#: What each mode can do with an output (DESIGN 7); the other modes are refused later, with codes of their own.
_AGGREGATORS: dict[str, frozenset[str]] = {
    "block": frozenset({"median", "mean", "vote"}),
    "unit": frozenset({"sum", "count", "histogram"}),
}
#: What is reduced over categories, not over numbers.
_OF_CATEGORIES = frozenset({"vote", "histogram"})


class ImageIdentity(Record):
    """What an image is, in terms that every Docker version can check.

    ``config_digest`` is the engine's image id and ``layers`` are the diff ids in order, both as ``sha256:…``;
    ``archive_digest`` is the SHA-256 of the archive file, in plain hexadecimal.
    """

    config_digest: OciDigest
    layers: Some[OciDigest]
    archive_digest: Digest
    uncompressed_bytes: Positive
    manifest_digest: OciDigest | None


class Inputs(Record):
    """What the program wants to see of a block: genotypes, and these columns of the subjects."""

    variants: bool
    columns: SlugSet


class OutputSpec(Record):
    """One declared output, or one per item of the array parameter named by ``each``.

    ``kind`` is what one chamber says. A number or a count: ``range`` bounds it for one unit (or, with ``range_per``
    person, for one person: the bound of a unit is then the signed maximum family size times as wide), and ``default``
    stands in for a bad chamber. A category: one of ``categories``, exactly as written, or else ``default_category``;
    ``vote`` releases the category that most chambers name, ``histogram`` how many chambers name each. ``divide_by``
    divides a released sum or bar by the public number of people, or a sum by twice that.
    """

    name: OutputName
    each: Slug | None = None
    kind: Literal["number", "count", "category"]
    range: Annotated[tuple[Amount, Amount], Field(strict=False)] | None = None
    range_per: Literal["unit", "person"] = "unit"
    default: Amount | None = None
    spread: Amount | None = None
    categories: Items[Category] = ()
    default_category: Category | None = None
    aggregator: Aggregator
    divide_by: Literal["none", "people", "alleles"] = "none"

    @property
    def bounds(self) -> tuple[Decimal, Decimal, Decimal]:
        """The lower bound, the upper bound and the default of a number or count."""
        if self.range is None or self.default is None:
            raise TypeError(f"output {self.name} is a category: it has no bounds")
        return *self.range, self.default

    def in_words(self) -> str:
        """How it is released, and from which values, for people who decide."""
        if self.range is None:
            return f"{self.aggregator} of {', '.join(self.categories)}"
        return f"{self.aggregator}, from {self.range[0]} to {self.range[1]}"

    @model_validator(mode="before")
    @classmethod
    def _check_present(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("kind") != "category":
            _check_present(value)
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.aggregator in _OF_CATEGORIES) != (self.kind == "category"):
            raise Refused(
                "spec-aggregator", f"Output {self.name}: a {self.kind} has no {self.aggregator}; choose another."
            )
        if self.kind == "category":
            _check_categories(self)
        else:
            _check_numbers(self)
        return self


def _check_categories(spec: OutputSpec) -> None:
    several = 2 <= len(spec.categories) <= limits.CATEGORIES and len(set(spec.categories)) == len(spec.categories)
    if not several:
        sentence = f"Output {spec.name} needs 2 to {limits.CATEGORIES} different categories; list each once."
        raise Refused("spec-categories", sentence)
    if spec.default_category not in spec.categories:
        sentence = f"Output {spec.name} has a default that is none of its categories; choose one of them."
        raise Refused("spec-categories", sentence)
    if (spec.range, spec.default, spec.spread) != (None, None, None) or spec.range_per == "person":
        sentence = f"Output {spec.name} is a category and a number at once; leave out range, default and spread."
        raise Refused("spec-categories", sentence)


def _check_numbers(spec: OutputSpec) -> None:
    low, high, default = spec.bounds
    if low >= high:
        raise Refused("spec-range", f"Output {spec.name} has an empty range; the lower bound must be below the upper.")
    if not low <= default <= high:
        raise Refused("spec-default", f"Output {spec.name} has a default outside its range; choose one inside.")
    if spec.spread is not None and spec.spread <= 0:
        raise Refused("spec-spread", f"Output {spec.name} has a spread that is not above zero; state what you expect.")
    if spec.categories or spec.default_category is not None:
        sentence = f"Output {spec.name} is a number and a category at once; leave out the categories."
        raise Refused("spec-categories", sentence)


class Algorithm(Document):
    """Signed by its author. ``parameters`` is a JSON Schema of the closed subset in ``parameters.py``.

    Either it has an image, with what its chambers need and its ``outputs``; or ``statistics``, and none of those.
    """

    KIND: ClassVar[str] = "algorithm"

    name: Slug
    version: Version
    author: Slug
    summary: Text
    purpose: SomeTerms
    source_commit: Commit
    image: ImageIdentity | None = None
    entrypoint: Annotated[Items[Argument], Field(max_length=64)] = ()
    inputs: Inputs
    parameters: dict[str, Json]
    unit: Literal["person", "family"]
    mode: Mode
    outputs: Items[OutputSpec] = ()
    statistics: Items[StatisticSpec] = ()
    slot_milliseconds: Literal[0] | Annotated[int, Field(ge=10, le=86_400_000)] = 0
    memory_bytes: Literal[0] | Annotated[int, Field(ge=8 * 2**20, le=2**40)] = 0
    output_bytes: Literal[0] | Annotated[int, Field(ge=2, le=16 * 2**20)] = 0
    model_parameters: Annotated[Count, Field(le=10_000)] = 0

    @property
    def runs_image(self) -> bool:
        """Whether there is an image to fetch, and chambers to run it in."""
        return self.mode != "statistic"

    def subjects(self) -> tuple[Subject, ...]:
        if self.image is not None:
            return (Subject(name="image", sha256=self.image.archive_digest),)
        declared = [statistic.model_dump(mode="json") for statistic in self.statistics]
        return (Subject(name="statistics", sha256=sha256_hex(canonical(declared))),)

    @property
    def proposal_digest(self) -> str:
        """The digest of everything here but who signs it and from which commit: the same before and after signing."""
        return sha256_hex(canonical(self.model_dump(mode="json", exclude={"author", "source_commit"})))

    @model_validator(mode="after")
    def _check(self) -> Self:
        parameters.check_schema(self.parameters)
        if self.runs_image:
            _check_chambers(self)
            _check_outputs(self)
        else:
            _check_statistics(self)
        return self


def _check_present(untrusted: dict[Any, Any]) -> None:
    name = str(untrusted.get("name", "?"))[:100]
    bounds = untrusted.get("range")
    if not isinstance(bounds, list | tuple) or len(bounds) != 2 or not all(_is_finite(bound) for bound in bounds):
        sentence = f'Output {name} has no finite range; state the two bounds as decimal strings, such as ["0", "1"].'
        raise Refused("spec-range", sentence)
    if not _is_finite(untrusted.get("default")):
        raise Refused("spec-default", f"Output {name} has no finite default; state it as a decimal string.")


def _is_finite(untrusted: object) -> bool:
    try:
        read_decimal(untrusted)
    except ValueError:
        return False
    return True


def _check_chambers(algorithm: Algorithm) -> None:
    for name in _OF_CHAMBERS:
        if name not in algorithm.model_fields_set:
            raise malformed(f"Algorithm, field {name}: it is required in mode {algorithm.mode}")
        if name != "model_parameters" and not getattr(algorithm, name):
            raise malformed(f"Algorithm, field {name}: it is empty or zero in mode {algorithm.mode}")
    if algorithm.statistics:
        raise Refused("spec-statistic-mode", "Statistics belong to mode statistic; leave them out, or the image.")
    if not algorithm.entrypoint[0].startswith("/"):
        raise Refused(
            "spec-entrypoint",
            "The entry point is no absolute path; write it out, since no search path is followed.",
        )


def _check_statistics(algorithm: Algorithm) -> None:
    """An algorithm without image: nothing that chambers need, and inputs that are exactly what its statistics read."""
    superfluous = [name for name in _OF_CHAMBERS if getattr(algorithm, name)]
    if superfluous:
        raise Refused("spec-statistic-mode", f"Mode statistic runs no image; leave out {superfluous[0]}.")
    if not algorithm.statistics:
        raise Refused("spec-statistic-none", "Mode statistic needs at least one statistic; declare it.")
    names = [statistic.name for statistic in algorithm.statistics]
    if len(set(names)) != len(names):
        raise Refused("spec-duplicate-output", "Two outputs have the same name; give each its own.")
    lists = {one for statistic in algorithm.statistics if (one := statistic.variant_list()) is not None}
    for one in lists:
        parameters.check_names(algorithm.parameters, one)
    read = frozenset[str]().union(*(statistic.columns() for statistic in algorithm.statistics))
    if algorithm.inputs.variants != bool(lists) or frozenset(algorithm.inputs.columns) != read:
        wanted = ", ".join([*(["genotypes"] if lists else []), *sorted(read)]) or "nothing"
        raise Refused("spec-statistic-inputs", f"The inputs are not what the statistics read ({wanted}); list those.")


def _check_outputs(algorithm: Algorithm) -> None:
    names = [spec.name for spec in algorithm.outputs]
    if len(set(names)) != len(names):
        raise Refused("spec-duplicate-output", "Two outputs have the same name; give each its own.")
    lists = [spec.each for spec in algorithm.outputs if spec.each is not None]
    if len(set(lists)) != len(lists):
        raise Refused("spec-each", "Two outputs are written out over the same parameter and would clash; use one.")
    for each in lists:
        parameters.check_list_of_names(algorithm.parameters, each)
    for spec in algorithm.outputs:
        if spec.aggregator not in _AGGREGATORS.get(algorithm.mode, frozenset({spec.aggregator})):
            raise Refused(
                "spec-aggregator",
                f"Output {spec.name}: mode {algorithm.mode} has no {spec.aggregator}; choose another.",
            )
