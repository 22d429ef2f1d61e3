"""Parameters as fields: each kind of the schema has its field, and a value of it is what the schema allows."""

from typing import Any

import pytest

from registry.web.draft_form import fields_of, read_parameters

TEXT, NUMBER, YES = {"type": "string"}, {"type": "integer", "minimum": 1}, {"type": "boolean"}
LINES = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
NUMBERS = {"type": "array", "items": {"type": "integer"}}
ONE_OF = {"type": "string", "enum": ["E11", "I10"]}
NESTED = {"type": "object", "properties": {"a": NUMBER}, "required": ["a"], "additionalProperties": False}


def schema(one: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"x": one},
        "required": ["x"] if required else [],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("one", "typed", "value"),
    [
        (TEXT, "rs1", "rs1"),
        (NUMBER, "12", 12),
        (YES, "true", True),
        (YES, "false", False),
        (ONE_OF, '"I10"', "I10"),
        (LINES, "rs1\r\n\r\n rs2 ", ["rs1", "rs2"]),
        (NUMBERS, "1\n2", [1, 2]),
        (NESTED, '{"a": 3}', {"a": 3}),
    ],
)
def test_each_kind_is_read_as_what_it_is(one: dict[str, Any], typed: str, value: Any) -> None:
    errors: list[tuple[str, str]] = []

    assert read_parameters(schema(one), {"x": typed}, errors) == {"x": value}
    assert errors == []


@pytest.mark.parametrize(
    ("one", "typed"),
    [
        (NUMBER, "0"), (NUMBER, "1.5"), (NUMBER, ""), (NUMBER, "9" * 30), (YES, "maybe"), (YES, ""), (ONE_OF, '"E12"'),
        (ONE_OF, ""), (LINES, "rs1\nrs1"), (NUMBERS, "one"), (NESTED, "{"), (NESTED, '{"b": 3}'),
        ({"type": "string", "maxLength": 2}, "long"),
    ],
)  # fmt: skip
def test_what_the_schema_forbids_is_an_error_of_its_field(one: dict[str, Any], typed: str) -> None:
    errors: list[tuple[str, str]] = []

    assert read_parameters(schema(one), {"x": typed}, errors) == {}
    ((field, said),) = errors
    assert field == "p-x"
    assert said.startswith("x: ")


@pytest.mark.parametrize("one", [TEXT, NUMBER, YES, ONE_OF, LINES, NESTED])
def test_an_optional_parameter_may_be_left_out(one: dict[str, Any]) -> None:
    errors: list[tuple[str, str]] = []

    assert read_parameters(schema(one, required=False), {"x": ""}, errors) == {}
    assert errors == []


def test_fields_have_the_kind_the_words_and_the_limits_of_the_schema() -> None:
    one = {"type": "string", "title": "Variant", "description": "Its rs id.", "pattern": "^rs", "maxLength": 20}
    (field,) = fields_of(schema(one), {"x": "typed"}, {"p-x": "wrong"})

    assert (field.id, field.kind, field.label, field.value, field.error) == ("p-x", "text", "Variant", "typed", "wrong")
    assert field.hint == "Its rs id. At most 20 characters, form: ^rs"
    kinds = [fields_of(schema(one), {}, {})[0].kind for one in (NUMBER, YES, ONE_OF, LINES, NESTED)]
    assert kinds == ["number", "choice", "choice", "lines", "json"]


def test_a_choice_offers_its_values_and_says_that_none_is_chosen() -> None:
    (field,) = fields_of(schema(YES, required=False), {}, {})

    assert field.options == (("", "not stated"), ("true", "yes"), ("false", "no"))
    assert field.label == "x (optional)"
