"""Statistics: what a node's own trusted code computes and releases, without any image (mode ``statistic``, DESIGN 7).

A statistic is a declaration that committees read and sign: what is counted, over whom, and how much one privacy unit
may contribute. There is no program in it, so there is nothing to run and nothing to hide.

    count                how many people fulfil ``where``
    sum                  of a numeric column, each person's value clipped to ``range``
    mean                 the same around the middle of ``range``, divided by the public number of people
    histogram            how many people have each of the listed ``categories``, or lie between two ``edges``
    allele_frequencies   ALT alleles of each variant, divided by twice the public number of people
    genotype_table       cases and controls by genotype (0, 1, 2 ALT alleles), and from that the odds ratio

Whoever has no value, or no genotype, contributes nothing: absent is not reference. ``where`` selects within each unit
and an empty selection is an answer like any other. Faults are refused with codes ``spec-statistic-…``.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from protocol.documents import limits
from protocol.documents.fields import Amount, Category, Items, OutputName, Positive, Record, Slug, Some
from protocol.errors import Refused

Range = Annotated[tuple[Amount, Amount], Field(strict=False)]
GENOTYPES = 3  # with no, one or two ALT alleles
GROUPS = ("case", "control")
LOG_ODDS_RATIO = "log_odds_ratio"


class Condition(Record):
    """People whose column has one of ``values``, or a number of at least ``at_least`` and below ``below``.

    A missing value fulfils no condition. A diagnosis column (``dx_e11``) has the values 0 and 1.
    """

    column: Slug
    values: Items[Category] = ()
    at_least: Amount | None = None
    below: Amount | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        bounded = self.at_least is not None or self.below is not None
        if bool(self.values) == bounded or len(set(self.values)) != len(self.values):
            raise _condition(self, "states neither different values nor bounds, or both; state one of them")
        if self.at_least is not None and self.below is not None and self.at_least >= self.below:
            raise _condition(self, "leaves no number between its bounds; swap them")
        return self


class _Statistic(Record):
    """What every statistic has: its name, whom it is about, and how many members of one unit count at most.

    ``members`` is for the noise: of more members who fulfil ``where``, the first by keyed hash count. Without it, as
    many count as the policy lets a family have.
    """

    name: OutputName
    where: Items[Condition] = ()
    members: Positive | None = None

    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        return _columns(self.where)

    def variant_list(self) -> str | None:
        """The parameter that names its variants, if it reads genotypes."""
        return None


class CountStatistic(_Statistic):
    """How many people fulfil ``where``."""

    kind: Literal["count"]
    divide_by: Literal["none", "people"] = "none"

    def in_words(self) -> str:
        """What is released, for people who decide."""
        return f"the number of people{_whom(self.where)}{_share(self.divide_by)}"


class SumStatistic(_Statistic):
    """The sum of a column. ``unit_range`` bounds the sum of one unit; without it, ``members`` times ``range`` does."""

    kind: Literal["sum"]
    column: Slug
    range: Range
    unit_range: Range | None = None
    spread: Amount | None = None
    divide_by: Literal["none", "people"] = "none"

    def columns(self) -> frozenset[str]:
        return _columns(self.where) | {self.column}

    def in_words(self) -> str:
        """What is released, for people who decide."""
        low, high = self.range
        divided = _share(self.divide_by)
        return f"the sum of {self.column} from {low} to {high}{_whom(self.where)}{divided}"

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_range(self.name, self.range)
        _check_spread(self.name, self.spread)
        if self.unit_range is not None and not self.unit_range[0] <= 0 <= self.unit_range[1]:
            sentence = f"Statistic {self.name}: a unit's sum must be able to be 0, since a unit may be absent."
            raise Refused("spec-statistic-bound", sentence)
        return self


class MeanStatistic(_Statistic):
    """The mean of a column over everybody: whoever has no value, or is not selected, counts as the middle of ``range``.

    ``unit_bound`` bounds how far one unit may move the sum from there; without it, ``members`` times half of the range.
    """

    kind: Literal["mean"]
    column: Slug
    range: Range
    unit_bound: Amount | None = None
    spread: Amount | None = None

    def columns(self) -> frozenset[str]:
        return _columns(self.where) | {self.column}

    def in_words(self) -> str:
        """What is released, for people who decide."""
        low, high = self.range
        return f"the mean of {self.column} from {low} to {high}{_whom(self.where)}, over the public number of people"

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_range(self.name, self.range)
        _check_spread(self.name, self.spread)
        _check_bound(self.name, self.unit_bound)
        return self


class HistogramStatistic(_Statistic):
    """How many people have each category of a column, or a number from each edge to just below the next."""

    kind: Literal["histogram"]
    column: Slug
    categories: Items[Category] = ()
    edges: Items[Amount] = ()
    divide_by: Literal["none", "people"] = "none"

    def columns(self) -> frozenset[str]:
        return _columns(self.where) | {self.column}

    def bars(self) -> tuple[str, ...]:
        """The names of the bars, in their order."""
        return self.categories or tuple(f"[{low:f}, {high:f})" for low, high in pairwise(self.edges))

    def in_words(self) -> str:
        """What is released, for people who decide."""
        bars = ", ".join(self.bars())
        return f"the numbers of people by {self.column} ({bars}){_whom(self.where)}{_share(self.divide_by)}"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.categories) == bool(self.edges):
            raise _bars(self, "needs either categories or edges; state one of them")
        if len(set(self.categories)) != len(self.categories) or any(a >= b for a, b in pairwise(self.edges)):
            raise _bars(self, "repeats a category, or has edges that do not rise; list each once, in order")
        if not 2 <= len(self.bars()) <= limits.CATEGORIES:
            raise _bars(self, f"needs 2 to {limits.CATEGORIES} bars; list them")
        return self


class FrequenciesStatistic(_Statistic):
    """ALT allele frequencies of the variants that the order's parameter ``variants`` names (a text or a list).

    ``unit_bound`` is one bound for the whole vector of a unit's allele counts (its Euclidean length): with many
    variants that costs less than bounding each count alone.
    """

    kind: Literal["allele_frequencies"]
    variants: Slug
    unit_bound: Amount | None = None

    def variant_list(self) -> str:
        return self.variants

    def in_words(self) -> str:
        """What is released, for people who decide."""
        return f"the ALT allele frequency of each of {self.variants}{_whom(self.where)}"

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_bound(self.name, self.unit_bound)
        return self


class GenotypeTableStatistic(_Statistic):
    """Cases and controls by genotype of each variant. Who fulfils both conditions is a case, who neither left out."""

    kind: Literal["genotype_table"]
    variants: Slug
    cases: Some[Condition]
    controls: Some[Condition]

    def columns(self) -> frozenset[str]:
        return _columns((*self.where, *self.cases, *self.controls))

    def variant_list(self) -> str:
        return self.variants

    def in_words(self) -> str:
        """What is released, for people who decide."""
        groups = f"cases ({_conditions(self.cases)}) and controls ({_conditions(self.controls)})"
        return f"{groups}{_whom(self.where)} by genotype of each of {self.variants}, and the allelic odds ratio"


StatisticSpec = Annotated[
    CountStatistic | SumStatistic | MeanStatistic | HistogramStatistic | FrequenciesStatistic | GenotypeTableStatistic,
    Field(discriminator="kind"),
]


def _columns(conditions: Iterable[Condition]) -> frozenset[str]:
    return frozenset(condition.column for condition in conditions)


def _whom(where: tuple[Condition, ...]) -> str:
    return f" with {_conditions(where)}" if where else ""


def _conditions(conditions: tuple[Condition, ...]) -> str:
    return " and ".join(map(_condition_in_words, conditions))


def _condition_in_words(condition: Condition) -> str:
    if condition.values:
        return f"{condition.column} {' or '.join(condition.values)}"
    low = "" if condition.at_least is None else f" of at least {condition.at_least}"
    high = "" if condition.below is None else f" below {condition.below}"
    return f"{condition.column}{low}{high}"


def _share(divide_by: str) -> str:
    return ", as a share of the public number of people" if divide_by == "people" else ""


def _check_range(name: str, bounds: tuple[Amount, Amount]) -> None:
    if bounds[0] >= bounds[1]:
        raise Refused("spec-range", f"Output {name} has an empty range; the lower bound must be below the upper.")


def _check_spread(name: str, spread: Amount | None) -> None:
    if spread is not None and spread <= 0:
        raise Refused("spec-spread", f"Output {name} has a spread that is not above zero; state what you expect.")


def _check_bound(name: str, bound: Amount | None) -> None:
    if bound is not None and bound <= 0:
        raise Refused("spec-statistic-bound", f"Statistic {name}: a unit's bound must be above 0; state how much.")


def _condition(condition: Condition, why: str) -> Refused:
    return Refused("spec-statistic-condition", f"The condition on {condition.column} {why}.")


def _bars(statistic: HistogramStatistic, why: str) -> Refused:
    return Refused("spec-statistic-categories", f"Histogram {statistic.name} {why}.")
