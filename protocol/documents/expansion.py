"""What one order asks for, written out: statistics with their variants, and everything that has a share of ρ.

An output of chambers has a share of its own. A statistic has one share of ρ for all that it releases: its numbers get
their noise together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from protocol.documents import limits
from protocol.documents.algorithm import Algorithm, OutputSpec
from protocol.documents.statistic import (
    LOG_ODDS_RATIO,
    GenotypeTableStatistic,
    StatisticSpec,
)
from protocol.documents.strict import Json
from protocol.errors import Refused

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:>*/-]{0,199}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandedOutput:
    """One value that a release will carry: its name and the specification that it follows."""

    name: str
    spec: OutputSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandedStatistic:
    """One statistic of an order: the variants that it is about, and the names under which its values are released."""

    spec: StatisticSpec
    variants: tuple[str, ...]
    names: tuple[str, ...]


def priced_names(algorithm: Algorithm, order_parameters: dict[str, Json]) -> tuple[str, ...]:
    """What an order must give shares of ρ to, in the specification's order: each output, or each statistic.

    Refuses (``order-outputs``) as the expansions do.
    """
    if algorithm.runs_image:
        return tuple(output.name for output in expand_outputs(algorithm, order_parameters))
    return tuple(statistic.spec.name for statistic in expand_statistics(algorithm, order_parameters))


def expand_outputs(algorithm: Algorithm, order_parameters: dict[str, Json]) -> tuple[ExpandedOutput, ...]:
    """Every output by its released name, in the specification's order, ``each`` written out.

    Refuses (``order-outputs``) items that are no output names, names that clash, and too many of them. The parameters
    must have passed ``parameters.check_parameters`` first.
    """
    expanded = tuple(
        ExpandedOutput(name=name, spec=spec)
        for spec in algorithm.outputs
        for name in ([spec.name] if spec.each is None else _items(order_parameters, spec.each))
    )
    if len({output.name for output in expanded}) != len(expanded):
        raise Refused("order-outputs", "Two outputs would have the same name; ask for each item once.")
    if not 0 < len(expanded) <= limits.EXPANDED_OUTPUTS:
        raise Refused(
            "order-outputs", f"The order asks for no output, or more than {limits.EXPANDED_OUTPUTS}; ask for fewer."
        )
    return expanded


def _items(order_parameters: dict[str, Json], each: str) -> list[str]:
    items = order_parameters.get(each)
    if not isinstance(items, list):
        raise Refused("order-outputs", f"The order has no list {each} to make outputs from; add it.")
    for item in items:
        if not (isinstance(item, str) and _NAME.fullmatch(item)):
            raise Refused("order-outputs", f"An item of {each} cannot name an output; use an id or CHROM:POS:REF:ALT.")
    return [str(item) for item in items]


def expand_statistics(algorithm: Algorithm, order_parameters: dict[str, Json]) -> tuple[ExpandedStatistic, ...]:
    """Every statistic with its variants, which name what is released: ``NAME/VARIANT``, else ``NAME``.

    Refuses (``order-outputs``) items that are no output names, names that clash, and too many of them. The parameters
    must have passed ``parameters.check_parameters`` first.
    """
    expanded = tuple(_expand(spec, order_parameters) for spec in algorithm.statistics)
    names = [name for statistic in expanded for name in statistic.names]
    if len(set(names)) != len(names):
        raise Refused("order-outputs", "Two outputs would have the same name; ask for each item once.")
    if not 0 < len(names) <= limits.EXPANDED_OUTPUTS or not all(statistic.names for statistic in expanded):
        raise Refused(
            "order-outputs", f"The order asks for no output, or more than {limits.EXPANDED_OUTPUTS}; ask for fewer."
        )
    return expanded


def _expand(spec: StatisticSpec, order_parameters: dict[str, Json]) -> ExpandedStatistic:
    listed = spec.variant_list()
    if listed is None:
        return ExpandedStatistic(spec=spec, variants=(), names=(spec.name,))
    named = order_parameters.get(listed)
    variants = tuple(one for one in (named if isinstance(named, list) else [named]) if isinstance(one, str))
    names = tuple(_released_names(spec, variants))
    if not all(map(_NAME.fullmatch, (*variants, *names))):
        sentence = f"An item of {listed} cannot name an output; use an id or CHROM:POS:REF:ALT."
        raise Refused("order-outputs", sentence)
    return ExpandedStatistic(spec=spec, variants=variants, names=names)


def _released_names(spec: StatisticSpec, variants: tuple[str, ...]) -> Iterator[str]:
    for variant in variants:
        yield f"{spec.name}/{variant}"
        if isinstance(spec, GenotypeTableStatistic):
            yield f"{spec.name}/{variant}/{LOG_ODDS_RATIO}"
