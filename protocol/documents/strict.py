"""JSON read strictly: one text has one meaning, for us and for every other reader.

Refused, with the code ``document-malformed`` (or ``document-too-large``): a byte limit passed; invalid UTF-8; anything
before or after the one value; a key twice in one object; NaN and infinities; any number with a fraction or an
exponent, since amounts travel as decimal strings or whole numbers; whole numbers beyond 2**53; lone surrogates; deep
nesting. Sources: RFC 8259 section 8, RFC 7493 (I-JSON).
"""

import json
from collections.abc import Iterable
from typing import Any, Never, TypeVar

from pydantic import BaseModel, ValidationError
from typing_extensions import TypeAliasType

from protocol.documents import limits
from protocol.errors import Refused

Json = TypeAliasType("Json", "bool | int | str | list[Json] | dict[str, Json] | None")
ModelT = TypeVar("ModelT", bound=BaseModel)


def parse_json(untrusted: bytes, limit: int = limits.DOCUMENT_BYTES) -> Json:
    """The one JSON value that ``untrusted`` holds, at most ``limit`` bytes long."""
    if len(untrusted) > limit:
        raise Refused("document-too-large", f"The document is larger than {limit} bytes; send less.")
    try:
        value: Json = _DECODER.decode(untrusted.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise malformed(f"it is not strict JSON ({_reason(error)})") from error
    _check_tree(value)
    return value


def parse_object(untrusted: bytes, limit: int = limits.DOCUMENT_BYTES) -> dict[str, Json]:
    """Like ``parse_json``, for a text that must hold an object."""
    value = parse_json(untrusted, limit)
    if not isinstance(value, dict):
        raise malformed("it is not a JSON object")
    return value


def build(model: type[ModelT], value: object) -> ModelT:
    """``value``, parsed from JSON, as a ``model``; the sentence names the first field that does not fit."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or model.__name__
        raise malformed(f"{model.__name__}, field {place}: {first['msg']}") from error


def canonical(value: object) -> bytes:
    """``value`` as JSON with sorted keys and no white space: how we write, never how we check."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def malformed(why: str) -> Refused:
    """The refusal of a document that cannot be read."""
    return Refused("document-malformed", f"The document cannot be read: {why}; correct it and sign it again.")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return value


def _refuse_number(text: str) -> Never:
    raise ValueError(f"{text[:20]} is not a whole number; write amounts as decimal strings")


_DECODER: Any = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_refuse_number, parse_constant=_refuse_number, strict=True
)


def _check_tree(root: Json) -> None:
    """Check depth, strings and numbers, level by level and without recursion."""
    level: list[Json] = [root]
    for _ in range(limits.JSON_DEPTH):
        level = [child for value in level for child in _checked_children(value)]
        if not level:
            return
    raise malformed(f"it is nested deeper than {limits.JSON_DEPTH} levels")


def _checked_children(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        return (*value.keys(), *value.values())
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int) and abs(value) > limits.JSON_INTEGER:
        raise malformed("a whole number is beyond 2**53")
    return ()


def _check_text(value: str) -> None:
    try:
        value.isascii() or value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise malformed("a text holds half of a surrogate pair") from error


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error) if not isinstance(error, UnicodeDecodeError) else "invalid UTF-8"
