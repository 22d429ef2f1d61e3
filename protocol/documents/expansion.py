"""What one order asks for, written out: statistics with their variants, and everything that has a share of ρ.

The outputs of chambers are written out by ``algorithm.expand_outputs``. A statistic has one share of ρ for all that it
releases: its numbers get their noise together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from protocol.documents import limits
from protocol.documents.algorithm import Algorithm, expand_outputs, is_output_name
from protocol.documents.statistic import (
    LOG_ODDS_RATIO,
    GenotypeTableStatistic,
    StatisticSpec,
)
from protocol.documents.strict import Json
from protocol.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandedStatistic:
    """One statistic of an order: the variants it is about, and the names under which its values are released."""

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
    if not all(map(is_output_name, (*variants, *names))):
        sentence = f"An item of {listed} cannot name an output; use an id or CHROM:POS:REF:ALT."
        raise Refused("order-outputs", sentence)
    return ExpandedStatistic(spec=spec, variants=variants, names=names)


def _released_names(spec: StatisticSpec, variants: tuple[str, ...]) -> Iterator[str]:
    for variant in variants:
        yield f"{spec.name}/{variant}"
        if isinstance(spec, GenotypeTableStatistic):
            yield f"{spec.name}/{variant}/{LOG_ODDS_RATIO}"
