"""Parameters of an order, checked against the schema that the committees approved.

The schema language is a small closed part of JSON Schema (draft 2020-12), so that what is approved is what is
enforced: a keyword outside this list is refused, never ignored.

    object    properties, required, additionalProperties (must be there, and false)
    array     items (must be there), minItems, maxItems, uniqueItems
    string    maxLength, pattern
    integer   minimum, maximum
    boolean
    any       type (must be there), enum, title, description

There is no ``number``: documents hold no fractions. A real parameter is a string with a pattern. Patterns are run by
an engine without backtracking, since both the pattern and the text come from the researcher.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

from protocol.documents import limits
from protocol.documents.strict import Json, canonical
from protocol.errors import Refused

Schema = dict[str, Json]

_COMMON = frozenset({"type", "enum", "title", "description"})
_KEYWORDS: dict[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems", "maxItems", "uniqueItems"}),
    "string": frozenset({"maxLength", "pattern"}),
    "integer": frozenset({"minimum", "maximum"}),
    "boolean": frozenset(),
}
_PYTHON: dict[str, type] = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def check_schema(schema: Schema) -> None:
    """Refuse (``spec-parameters``) a schema outside the subset, or one that does not describe an object."""
    if schema.get("type") != "object":
        raise _spec("the top is not an object")
    _check_schema(schema, "parameters", 1)


def check_parameters(schema: Schema, untrusted: Json) -> None:
    """Refuse (``order-parameters``) parameters that the approved schema does not allow."""
    _check_value(schema, untrusted, "parameters")


def check_list_of_names(schema: Schema, name: str) -> None:
    """Refuse (``spec-each``) unless ``name`` is a required array of distinct strings."""
    properties, required = schema.get("properties"), schema.get("required")
    listed = properties.get(name) if isinstance(properties, dict) else None
    items = listed.get("items") if isinstance(listed, dict) and listed.get("uniqueItems") is True else None
    if not (
        isinstance(items, dict) and items.get("type") == "string" and isinstance(required, list) and name in required
    ):
        raise Refused(
            "spec-each", f"Parameter {name} is not a required array of distinct strings; outputs cannot follow it."
        )


def check_names(schema: Schema, name: str) -> None:
    """Refuse (``spec-statistic-variants``) unless ``name`` is a required text, or array of distinct texts."""
    properties, required = schema.get("properties"), schema.get("required")
    found = properties.get(name) if isinstance(properties, dict) else None
    one = isinstance(found, dict) and found.get("type") == "string"
    if one and isinstance(required, list) and name in required:
        return
    try:
        check_list_of_names(schema, name)
    except Refused as refused:
        sentence = f"Parameter {name} is neither a required text nor a required array of distinct ones; it must be."
        raise Refused("spec-statistic-variants", sentence) from refused


def _check_schema(schema: Json, place: str, depth: int) -> None:
    if not isinstance(schema, dict) or depth > limits.SCHEMA_DEPTH:
        raise _spec(f"{place} is not a schema, or nested too deeply")
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _KEYWORDS:
        raise _spec(f"{place} has no type of {', '.join(_KEYWORDS)}")
    unknown = schema.keys() - _COMMON - _KEYWORDS[kind]
    if unknown:
        raise _spec(f"{place} uses {sorted(unknown)[0]}, which is not in our part of JSON Schema")
    for keyword, value in schema.items():
        _SCHEMA_CHECKS[keyword](value, f"{place}.{keyword}")
    _SHAPE_CHECKS.get(kind, _check_nothing)(schema, place, depth)


def _check_object_schema(schema: Schema, place: str, depth: int) -> None:
    if schema.get("additionalProperties") is not False:
        raise _spec(f"{place} must say additionalProperties: false")
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list) or not set(required) <= properties.keys():
        raise _spec(f"{place} requires something that it does not describe")
    for name, child in properties.items():
        _check_schema(child, f"{place}.{name}", depth + 1)


def _check_array_schema(schema: Schema, place: str, depth: int) -> None:
    _check_schema(schema.get("items"), f"{place}.items", depth + 1)


def _check_nothing(_schema: Schema, _place: str, _depth: int) -> None:
    return


_SHAPE_CHECKS: dict[str, Callable[[Schema, str, int], None]] = {
    "object": _check_object_schema,
    "array": _check_array_schema,
}


def _must(test: Callable[[Any], bool], what: str) -> Callable[[Json, str], None]:
    def check(value: Json, place: str) -> None:
        if not test(value):
            raise _spec(f"{place} is not {what}")

    return check


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value) and len(set(value)) == len(value)


def _is_pattern(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > limits.PATTERN_CHARACTERS:
        return False
    try:
        _pattern(value)
    except SchemaError:
        return False
    return True


_anything = _must(lambda _: True, "allowed")
_count = _must(_is_count, "a whole number of at least 0")
_integer = _must(lambda value: type(value) is int, "a whole number")
_text = _must(lambda value: isinstance(value, str) and len(value) <= 1000, "a text of at most 1000 characters")
_SCHEMA_CHECKS: dict[str, Callable[[Json, str], None]] = {
    "type": _anything,
    "enum": _must(lambda value: isinstance(value, list) and 0 < len(value) <= 1000, "a list of 1 to 1000 values"),
    "title": _text,
    "description": _text,
    "properties": _must(lambda value: isinstance(value, dict), "an object"),
    "required": _must(_is_texts, "a list of distinct names"),
    "additionalProperties": _must(lambda value: value is False, "false"),
    "items": _anything,
    "minItems": _count,
    "maxItems": _count,
    "uniqueItems": _must(lambda value: isinstance(value, bool), "true or false"),
    "maxLength": _count,
    "pattern": _must(_is_pattern, f"a pattern of at most {limits.PATTERN_CHARACTERS} characters"),
    "minimum": _integer,
    "maximum": _integer,
}


def _check_value(schema: Json, value: Json, place: str) -> None:
    """``schema`` has passed ``check_schema``."""
    if not isinstance(schema, dict):
        raise TypeError("an unchecked schema reached the check of parameters")
    kind = str(schema["type"])
    if type(value) is not _PYTHON[kind]:
        raise _order(f"{place} is not of type {kind}")
    for keyword, bound in schema.items():
        check = _VALUE_CHECKS.get(keyword)
        if check is not None and not check(bound, value):
            raise _order(f"{place} breaks the schema's {keyword}")
    if isinstance(value, dict):
        _check_members(schema, value, place)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_value(schema["items"], item, f"{place}[{index}]")


def _check_members(schema: Schema, value: dict[str, Json], place: str) -> None:
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    for name, member in value.items():
        if name not in known:
            raise _order(f"{place} has a member {name[:50]!r} that the schema does not know")
        _check_value(known[name], member, f"{place}.{name}")


def _is_unique(wanted: Any, value: Any) -> bool:
    return not wanted or len({canonical(item) for item in value}) == len(value)


def _matches(pattern: Any, value: Any) -> bool:
    try:
        _pattern(pattern).validate_python(value)
    except ValidationError:
        return False
    return True


_VALUE_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "enum": lambda allowed, value: canonical(value) in {canonical(one) for one in allowed},
    "required": lambda names, value: set(names) <= value.keys(),
    "minItems": lambda bound, value: len(value) >= bound,
    "maxItems": lambda bound, value: len(value) <= bound,
    "uniqueItems": _is_unique,
    "maxLength": lambda bound, value: len(value) <= bound,
    "pattern": _matches,
    "minimum": lambda bound, value: value >= bound,
    "maximum": lambda bound, value: value <= bound,
}


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> SchemaValidator:
    """A matcher that finds ``pattern`` anywhere in a text, as JSON Schema says, in linear time."""
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def _spec(why: str) -> Refused:
    return Refused("spec-parameters", f"The parameter schema cannot be enforced: {why}; correct the specification.")


def _order(why: str) -> Refused:
    return Refused("order-parameters", f"The order's parameters do not fit the approved schema: {why}; correct them.")
