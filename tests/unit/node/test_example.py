"""Example parameters are parameters that the schema allows, or there are none."""

from pathlib import Path
from typing import Any

import pytest

from protocol.documents.parameters import check_parameters, check_schema
from sandbox.actions.proposal import read_proposal
from sandbox.domain.example import VARIANTS_MOST, example_parameters
from sandbox.errors import Refused

ALGORITHMS = Path(__file__).parents[3] / "algorithms"
VARIANTS = ("rs7903146", "rs4988235", "rs12913832", "rs1801133")


def one(**schema: Any) -> dict[str, Any]:
    made = {"type": "object", "additionalProperties": False, "properties": {"x": schema}, "required": ["x"]}
    check_schema(made)
    return made


NOTED: dict[str, dict[str, Any]] = {
    "text": one(type="string"),
    "variant": one(type="string", pattern="^rs[0-9]+$"),
    "decimal": one(type="string", pattern=r"^0\.[0-9]+$"),
    "enum": one(type="string", enum=["E10", "E11"]),
    "integer": one(type="integer"),
    "integer above": one(type="integer", minimum=5, maximum=9),
    "integer below": one(type="integer", maximum=-3),
    "boolean": one(type="boolean"),
    "variants": one(type="array", items={"type": "string", "pattern": "^rs"}, uniqueItems=True),
    "one variant": one(type="array", items={"type": "string", "pattern": "^rs"}, maxItems=1),
    "same number": one(type="array", items={"type": "integer"}, minItems=4),
    "empty": one(type="array", items={"type": "string", "pattern": "^no such text$"}, maxItems=0),
    "nested": one(**one(type="boolean")),
}


@pytest.mark.parametrize("name", NOTED)
def test_example_fits_its_schema(name: str) -> None:
    check_parameters(NOTED[name], example_parameters(NOTED[name], VARIANTS))


def test_variants_are_those_of_the_dataset() -> None:
    assert example_parameters(NOTED["variant"], VARIANTS) == {"x": VARIANTS[0]}
    assert example_parameters(NOTED["variants"], VARIANTS) == {"x": list(VARIANTS[:VARIANTS_MOST])}


@pytest.mark.parametrize("name", ["association", "allele_frequency", "case_counts"])
def test_reference_algorithms_have_an_example(name: str) -> None:
    schema = read_proposal(ALGORITHMS / name).algorithm.parameters

    check_parameters(schema, example_parameters(schema, VARIANTS))


@pytest.mark.parametrize(
    "schema",
    [
        one(type="string", pattern="^no such text$"),
        one(type="array", items={"type": "string"}, minItems=2, uniqueItems=True, maxItems=1),
        one(type="integer", minimum=1, maximum=0),
    ],
)
def test_schema_that_no_example_fits_is_refused_by_its_parameters_name(schema: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="parameter x") as refused:
        example_parameters(schema, VARIANTS)

    assert refused.value.code == "rehearsal-parameters"
