"""Parameters against schemas: our closed part of JSON Schema means what JSON Schema says."""

import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.documents.parameters import check_parameters, check_schema
from protocol.errors import Refused


def _schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [], "additionalProperties": False}


TRUTH = [
    # schema of x, values to accept, values to refuse
    ({"type": "integer"}, [0, -5], [True, "1", None, [], {}]),
    ({"type": "integer", "minimum": 1, "maximum": 3}, [1, 3], [0, 4]),
    ({"type": "boolean"}, [True, False], [0, 1, "true", None]),
    ({"type": "string"}, ["", "é"], [1, None, ["a"]]),
    ({"type": "string", "maxLength": 2}, ["ab", "éé"], ["abc"]),
    ({"type": "string", "pattern": "^rs[0-9]+$"}, ["rs1"], ["rs", "xrs1", "rs1x", "rs1\n"]),
    ({"type": "string", "pattern": "b"}, ["abc", "b"], ["ac"]),
    ({"type": "string", "enum": ["a", "b"]}, ["a"], ["c", "A"]),
    ({"type": "integer", "enum": [1]}, [1], [2, True]),
    ({"type": "boolean", "enum": [True]}, [True], [False]),
    ({"type": "array", "items": {"type": "integer"}}, [[], [1, 1]], [["1"], [1, None], 1]),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2}, [[1], [1, 2]], [[], [1, 2, 3]]),
    ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, [[1, 2]], [[1, 1]]),
    ({"type": "array", "items": {"type": "integer"}, "uniqueItems": False}, [[1, 1]], []),
    (
        {"type": "object", "properties": {"y": {"type": "integer"}}, "required": ["y"], "additionalProperties": False},
        [{"y": 1}],
        [{}, {"y": "1"}, {"y": 1, "z": 1}],
    ),
    ({"type": "object", "additionalProperties": False}, [{}], [{"y": 1}]),
]
CASES = [(schema, value, True) for schema, good, _ in TRUTH for value in good]
CASES += [(schema, value, False) for schema, _, bad in TRUTH for value in bad]


@pytest.mark.parametrize(("schema", "value", "allowed"), CASES)
def test_value_is_judged_as_the_truth_table_says(schema: dict[str, Any], value: Any, allowed: bool) -> None:
    whole = _schema(x=schema)
    check_schema(whole)

    if allowed:
        check_parameters(whole, {"x": value})
    else:
        with pytest.raises(Refused) as refusal:
            check_parameters(whole, {"x": value})
        assert refusal.value.code == "order-parameters"


LEAF = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("integer")}, optional={"minimum": st.integers(-3, 3), "maximum": st.integers(-3, 3)}
    ),
    st.fixed_dictionaries(
        {"type": st.just("string")}, optional={"maxLength": st.integers(0, 3), "enum": st.just(["a", "bb"])}
    ),
    st.just({"type": "boolean"}),
)
SCHEMA = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner},
            optional={"minItems": st.integers(0, 2), "maxItems": st.integers(0, 3), "uniqueItems": st.booleans()},
        ),
        st.fixed_dictionaries(
            {"type": st.just("object"), "additionalProperties": st.just(False)},
            optional={"properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2)},
        ),
    ),
    max_leaves=5,
)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-4, 4) | st.sampled_from(["", "a", "bb", "cccc"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=6,
)


@settings(deadline=None)  # a shared machine may stop us for a while
@given(SCHEMA, VALUE)
def test_verdict_is_that_of_a_full_validator(schema: dict[str, Any], value: Any) -> None:
    """An independent implementation agrees, for whatever our part of the language can say."""
    whole = _schema(x=schema)
    check_schema(whole)

    theirs = jsonschema.Draft202012Validator(whole).is_valid({"x": value})

    try:
        check_parameters(whole, {"x": value})
        ours = True
    except Refused:
        ours = False
    assert ours == theirs


def test_pattern_that_would_backtrack_is_run_in_linear_time() -> None:
    whole = _schema(x={"type": "string", "pattern": "^(a+)+$"})
    check_schema(whole)
    start = time.process_time()

    with pytest.raises(Refused):
        check_parameters(whole, {"x": "a" * 100_000 + "!"})

    assert time.process_time() - start < 2


def test_unchecked_schema_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError):
        check_parameters("not a schema", {})  # type: ignore[arg-type]  # what a careless caller could pass
