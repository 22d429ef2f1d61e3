"""JSON read strictly: one text has one meaning, for us and for every other reader.

Refused, with the code ``document-malformed`` (or ``document-too-large``): a byte limit passed; invalid UTF-8; anything
before or after the one value; a key twice in one object; NaN and infinities; any number with a fraction or an
exponent, since amounts travel as decimal strings or whole numbers; whole numbers beyond 2**53; lone surrogates; deep
nesting. Sources: RFC 8259 section 8, RFC 7493 (I-JSON).
"""

import json
import re
from typing import Never, TypeVar

from pydantic import BaseModel, ValidationError
from typing_extensions import TypeAliasType

from protocol.documents import limits
from protocol.errors import Refused

Json = TypeAliasType("Json", "bool | int | str | list[Json] | dict[str, Json] | None")
ModelT = TypeVar("ModelT", bound=BaseModel)

#: A JSON text, or the rest of the document where one is never closed: so the search is linear whatever it meets.
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_INTEGER_CHARACTERS = len(str(-limits.JSON_INTEGER))


def parse_json(untrusted: bytes, limit: int = limits.DOCUMENT_BYTES) -> Json:
    """The one JSON value that ``untrusted`` holds, at most ``limit`` bytes long."""
    if len(untrusted) > limit:
        raise Refused("document-too-large", f"The document is larger than {limit} bytes; send less.")
    _check_depth(untrusted)
    try:
        text = untrusted.decode("utf-8")
        value: Json = _DECODER.decode(text)
        if _SURROGATE.search(text):
            canonical(value)  # half of a pair has no UTF-8
    except UnicodeError as error:
        raise malformed("it is not valid Unicode") from error
    except ValueError as error:
        raise malformed(f"it is not strict JSON ({error})") from error
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
        place = ".".join(ascii(step)[:60].strip("'") for step in first["loc"]) or "itself"
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


def _integer(text: str) -> int:
    if len(text) > _INTEGER_CHARACTERS or abs(int(text)) > limits.JSON_INTEGER:
        raise ValueError(f"{text[:20]} is beyond 2**53")
    return int(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_refuse_number, parse_constant=_refuse_number
)


def _check_depth(untrusted: bytes) -> None:
    """Refuse deep nesting before a recursive parser meets it: take texts out, then innermost pairs, level by level.

    A document with few brackets cannot be deep. Whether a bracket is closed by one of its kind is left to the parser.
    """
    if untrusted.count(b"[") + untrusted.count(b"{") <= limits.JSON_DEPTH:
        return
    rest = _TEXT.sub(b"", untrusted).translate(_ONE_KIND, delete=_NO_BRACKETS)
    for _ in range(limits.JSON_DEPTH):
        rest = rest.replace(b"[]", b"")
        if not rest:
            return
    raise malformed(f"it is nested deeper than {limits.JSON_DEPTH} levels, or its brackets do not match")
