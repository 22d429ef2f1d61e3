"""An algorithm of mode statistic, for tests: true unless changed."""

from typing import Any

from factory import AUTHOR, PURPOSE

from protocol.documents.algorithm import Algorithm
from protocol.documents.strict import build

#: One statistic of every kind.
STATISTICS: tuple[dict[str, Any], ...] = (
    {"name": "women", "kind": "count", "where": [{"column": "sex", "values": ["female"]}], "divide_by": "people"},
    {"name": "bmi_sum", "kind": "sum", "column": "bmi", "range": ["10", "60"], "unit_range": ["0", "120"]},
    {"name": "bmi_mean", "kind": "mean", "column": "bmi", "range": ["10", "60"], "spread": "5", "members": 2},
    {"name": "ages", "kind": "histogram", "column": "age", "edges": ["0", "40", "60", "131"]},
    {"name": "frequency", "kind": "allele_frequencies", "variants": "variants"},
    {
        "name": "diabetes",
        "kind": "genotype_table",
        "variants": "variants",
        "cases": [{"column": "dx_e11", "values": ["1"]}],
        "controls": [{"column": "dx_e11", "values": ["0"]}, {"column": "age", "at_least": "40"}],
    },
)

VARIANTS: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string", "maxLength": 110},
    "minItems": 1,
    "maxItems": 64,
    "uniqueItems": True,
}


def statistic(**changes: Any) -> Algorithm:
    """No image, and one statistic of every kind."""
    fields: dict[str, Any] = {
        "name": "statistics",
        "version": "1.0.0",
        "author": AUTHOR,
        "summary": "Counts and frequencies, computed by the node's own code.",
        "purpose": [PURPOSE],
        "source_commit": "0" * 40,
        "inputs": {"variants": True, "columns": ["age", "bmi", "dx_e11", "sex"]},
        "parameters": {
            "type": "object",
            "properties": {"variants": VARIANTS},
            "required": ["variants"],
            "additionalProperties": False,
        },
        "unit": "family",
        "mode": "statistic",
        "statistics": list(STATISTICS),
    }
    return build(Algorithm, fields | changes)
