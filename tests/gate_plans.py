"""Gate plans for tests, built by hand: the parameters may be ones that no policy would allow."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sandbox.domain.dataset import DatasetFacts, Unit
from sandbox.domain.plan import GatePlan, OutputPlan


def output_plan(name: str = "x", **changes: Any) -> OutputPlan:
    """A median over [-3, 3] with a millionth as its step."""
    fields: dict[str, Any] = {
        "name": name,
        "aggregator": "median",
        "low": Decimal(-3),
        "high": Decimal(3),
        "default": Decimal(0),
        "decimals": 6,
        "whole": False,
        "spread": Decimal("0.35"),
        "rho_nano": 31_250_000,
        "divisor": 1,
    }
    return OutputPlan(**(fields | changes))


def category_plan(name: str = "x", **changes: Any) -> OutputPlan:
    """A vote between three categories; the second one is the default."""
    categories = changes.get("categories", ("low", "middle", "high"))
    fields: dict[str, Any] = {
        "aggregator": "vote",
        "low": Decimal(0),
        "high": Decimal(len(categories) - 1),
        "default": Decimal(1),
        "decimals": 0,
        "whole": True,
        "spread": None,
        "categories": categories,
    }
    return output_plan(name, **(fields | changes))


def gate_plan(*outputs: OutputPlan, **changes: Any) -> GatePlan:
    """A plan of 128 blocks of a cohort of 12 000."""
    fields: dict[str, Any] = {
        "mode": "block",
        "unit": Unit.FAMILY,
        "blocks": 128,
        "people": 12_000,
        "outputs": outputs or (output_plan(),),
        "delta": Decimal("0.000001"),
        "candidates": 2001,
        "maximum_family_size": 4,
        "output_bytes": 4096,
    }
    return GatePlan(**(fields | changes))


def facts(**changes: Any) -> DatasetFacts:
    """The public facts of a cohort of families."""
    fields: dict[str, Any] = {
        "dataset": "cohort-fi",
        "lineage": "lineage-fi",
        "snapshot": "snapshot-1",
        "people": 12_000,
        "slots": 5_000,
        "unit": Unit.FAMILY,
        "maximum_family_size": 4,
        "columns": ("sex", "age"),
        "sites": None,
        "duo": ("DUO:0000006",),
        "country": "FI",
        "assembly": "GRCh38",
    }
    return DatasetFacts(**(fields | changes))


def raw(**values: Any) -> bytes:
    """One chamber's result as an honest program writes it."""
    return json.dumps(values).encode()


def raws(name: str, values: Sequence[float | str]) -> list[bytes]:
    """One result per chamber for a plan with a single output."""
    return [raw(**{name: value}) for value in values]
