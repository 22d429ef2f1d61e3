"""The strict parser: it agrees with JSON where it accepts, and refuses everything that has two readings."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.documents import limits
from protocol.documents.fields import Record
from protocol.documents.strict import build, canonical, parse_json, parse_object
from protocol.errors import Refused

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGER = st.integers(-limits.JSON_INTEGER, limits.JSON_INTEGER)
VALUE = st.recursive(
    st.none() | st.booleans() | INTEGER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=30,
)


def _refusal(raw: bytes, limit: int = limits.DOCUMENT_BYTES) -> str:
    with pytest.raises(Refused) as refusal:
        parse_json(raw, limit)
    return refusal.value.code


@settings(deadline=None)  # a shared machine may stop us for a while
@given(VALUE)
def test_value_survives_writing_and_reading(value: Any) -> None:
    assert parse_json(canonical(value)) == value


@settings(deadline=None)  # a shared machine may stop us for a while
@given(VALUE, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_value_is_read_however_it_is_written(value: Any, ascii_only: bool, indent: Any) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()) == value


@settings(deadline=None)  # a shared machine may stop us for a while
@given(st.binary(max_size=200))
def test_bytes_are_read_as_json_reads_them_or_refused(raw: bytes) -> None:
    try:
        value = parse_json(raw)
    except Refused:
        return

    assert json.loads(raw) == value


@settings(deadline=None)  # a shared machine may stop us for a while
@given(VALUE, st.data())
def test_bytes_changed_anywhere_never_crash(value: Any, data: st.DataObject) -> None:
    raw = bytearray(canonical(value))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] = data.draw(st.integers(0, 255))

    try:
        parsed = parse_json(bytes(raw))
    except Refused:
        return

    assert json.loads(bytes(raw)) == parsed


@settings(deadline=None)  # a shared machine may stop us for a while
@given(st.dictionaries(TEXT, INTEGER, min_size=1, max_size=5), st.data())
def test_key_twice_is_refused_at_any_place(value: dict[str, int], data: st.DataObject) -> None:
    pairs = list(value.items())
    again = data.draw(st.sampled_from(pairs))
    pairs.insert(data.draw(st.integers(0, len(pairs))), again)
    text = "{" + ",".join(f"{json.dumps(key)}:{number}" for key, number in pairs) + "}"

    assert _refusal(text.encode()) == "document-malformed"


@settings(deadline=None)  # a shared machine may stop us for a while
@given(st.floats())
def test_float_is_refused(number: float) -> None:
    assert _refusal(json.dumps([number]).encode()) == "document-malformed"


@settings(deadline=None)  # a shared machine may stop us for a while
@given(st.one_of(st.integers(max_value=-limits.JSON_INTEGER - 1), st.integers(min_value=limits.JSON_INTEGER + 1)))
def test_large_integer_is_refused(number: int) -> None:
    assert _refusal(str(number).encode()) == "document-malformed"


@settings(deadline=None)  # a shared machine may stop us for a while
@given(VALUE, st.text(min_size=1, max_size=5))
def test_anything_after_the_value_is_refused(value: Any, tail: str) -> None:
    raw = json.dumps([value]).encode() + tail.encode("utf-8", "surrogatepass")

    if tail.strip(" \t\r\n"):
        assert _refusal(raw) == "document-malformed"
    else:
        assert parse_json(raw) == [value]


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_depth_is_limited_exactly(opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"
    empty = b"[]" if opening == b"[" else b"{}"

    def nested(levels: int) -> bytes:
        return opening * (levels - 1) + empty + closing * (levels - 1)

    parse_json(nested(limits.JSON_DEPTH))
    assert _refusal(nested(limits.JSON_DEPTH + 1)) == "document-malformed"


def test_brackets_in_texts_are_not_depth() -> None:
    value = ["[" * 1000, '"' + "{" * 1000, "\\" + "]" * 1000]

    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 1_000_000,
        b'"' * 1_000_000,
        b'"\\' * 500_000,
        b'["' + b'\\"' * 500_000,
        b"[" * 30 + b"[]," * 300_000,
        b'{"":' * 250_000,
        b"9" * 1_000_000,
        b'"\\ud800' * 100_000,
    ],
    ids=["brackets", "quotes", "backslashes", "escaped-quotes", "pairs", "objects", "digits", "surrogates"],
)
def test_hostile_megabyte_is_refused_quickly(raw: bytes) -> None:
    start = time.process_time()

    assert _refusal(raw) == "document-malformed"
    assert time.process_time() - start < 2


def test_too_large_is_refused_before_it_is_read() -> None:
    assert _refusal(b"\xff" * 11, limit=10) == "document-too-large"
    assert parse_json(b'"12345678"', limit=10) == "12345678"


def test_object_is_required_where_one_is_due() -> None:
    assert parse_object(b"{}") == {}
    with pytest.raises(Refused) as refusal:
        parse_object(b"[]")
    assert refusal.value.code == "document-malformed"


class _Pair(Record):
    left: int


def test_build_names_the_field_that_does_not_fit() -> None:
    for value, place in (({"left": "1"}, "left"), ({"left": 1, "é\n": 2}, r"\xe9\n"), ("text", "itself")):
        with pytest.raises(Refused) as refusal:
            build(_Pair, value)
        assert refusal.value.code == "document-malformed"
        assert f"field {place}:" in refusal.value.sentence
        assert refusal.value.sentence.isprintable()


def test_refusal_reads_as_a_sentence_with_its_code() -> None:
    assert str(Refused("some-code", "Something happened; do this.")) == "Something happened; do this. [some-code]"
