"""Untrusted bytes become clamped integers or the default, and never an error."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from gate_plans import category_plan, gate_plan, output_plan, raw
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.plan import GatePlan
from sandbox.errors import GateBroken
from sandbox.gate.parse import read_columns

DEFAULT = 1_500_000


def plan(*names: str, **changes: Any) -> GatePlan:
    outputs = (output_plan(name, default=Decimal("1.5"), **changes) for name in names or ("x",))
    return gate_plan(*outputs, blocks=1)


def read(untrusted: bytes | None, made: GatePlan | None = None) -> int:
    return int(read_columns(made or plan(), [untrusted])[0][0])


@pytest.mark.parametrize(
    "untrusted",
    [
        None,
        b"",
        b" ",
        b"0.5",
        b"null",
        b"[]",
        b"{}",
        b'[["x", 0.5]]',
        b'{"x": null}',
        b'{"x": true}',
        b'{"x": false}',
        b'{"x": "0.5"}',
        b'{"x": [0.5]}',
        b'{"x": {"x": 0.5}}',
        b'{"x": NaN}',
        b'{"x": Infinity}',
        b'{"x": -Infinity}',
        b'{"x": 1e999}',
        b'{"x": -1e999}',
        b'{"x": 9007199254740993}',
        b'{"x": 1' + b"0" * 3000 + b"}",
        b'{"x": 0.5, "x": 0.5}',
        b'{"x": 0.5, "\\u0078": 0.5}',
        b'{"x": 0.5, "\\"": 0.5}',
        b'{"\\"": 0.5}',
        b'{"x": "", "x": 0.5}',
        b'{"x": 0.5, "y": 0.5}',
        b'{"y": 0.5}',
        b'{"X": 0.5}',
        b'{"x": 0.5',
        b'{"x": 0.5}}',
        b'{"x": 0.5}\n{"x": 0.5}',
        b'{"x": 0.5}\x00',
        b"{'x': 0.5}",
        b'{"x": 0x1}',
        b'{"x": .5}',
        b'{"x": +1}',
        b'{"x": 01}',
        b'{"x": 1_0}',
        b'{"x": 0.5,}',
        b'\xef\xbb\xbf{"x": 0.5}',
        b'\xff\xfe{\x00"\x00x\x00',
        b'{"x\xed\xa0\x80": 0.5}',
        b'{"x\xff": 0.5}',
        '{"x": \u0661}'.encode(),
        b"[" * 4000,
        b'{"x":' * 700,
        b'{"x": 0.5}' + b" " * 5000,
    ],
)
def test_anything_but_the_declared_shape_is_the_default(untrusted: bytes | None) -> None:
    assert read(untrusted) == DEFAULT


@pytest.mark.parametrize(
    ("untrusted", "fixed"),
    [
        (b'{"x": 0.5}', 500_000),
        (b'\n{ "x" : -1 }\t', -1_000_000),
        (b'{"x": -0.0}', 0),
        (b'{"x": 1e-400}', 0),
        (b'{"x": 0.0000004}', 0),
        (b'{"x": 0.0000006}', 1),
        (b'{"x": 4}', 3_000_000),
        (b'{"x": 1e300}', 3_000_000),
        (b'{"x": -9007199254740992}', -3_000_000),
        (b'{"\\u0078": 2}', 2_000_000),
    ],
)
def test_number_is_clamped_and_put_on_the_grid(untrusted: bytes, fixed: int) -> None:
    assert read(untrusted) == fixed


def test_one_bad_value_makes_the_whole_chamber_default() -> None:
    columns = read_columns(plan("x", "y"), [b'{"x": 0.5, "y": "no"}'])

    assert [column.tolist() for column in columns] == [[DEFAULT], [DEFAULT]]


def test_values_go_to_their_own_output_whatever_their_order() -> None:
    columns = read_columns(plan("x", "y"), [b'{"y": 2, "x": 1}'])

    assert [column.tolist() for column in columns] == [[1_000_000], [2_000_000]]


@pytest.mark.parametrize(("untrusted", "fixed"), [(b"2", 2), (b"2.0", 2), (b"9", 4), (b"1.5", 1), (b"1e-9", 1)])
def test_count_takes_whole_numbers_only(untrusted: bytes, fixed: int) -> None:
    count = output_plan(whole=True, decimals=0, low=Decimal(0), high=Decimal(4), default=Decimal(1))

    assert read(b'{"x": ' + untrusted + b"}", gate_plan(count, blocks=1)) == fixed


@pytest.mark.parametrize(
    ("untrusted", "place"),
    [
        (b'{"x": "low"}', 0),
        (b'{"x": "high"}', 2),
        (b'{"x": "h\\u0069gh"}', 2),
        (b'{"x": "High"}', 1),
        (b'{"x": "high "}', 1),
        (b'{"x": "higher"}', 1),
        (b'{"x": "hi\\u0000gh"}', 1),
        (b'{"x": ""}', 1),
        (b'{"x": 2}', 1),
        (b'{"x": 2.0}', 1),
        (b'{"x": "2"}', 1),
        (b'{"x": null}', 1),
        (b'{"x": true}', 1),
        (b'{"x": ["high"]}', 1),
        (b'{"x": {"high": "high"}}', 1),
        (b'{"x": NaN}', 1),
    ],
)
def test_category_is_exactly_one_of_the_list_or_the_default(untrusted: bytes, place: int) -> None:
    assert read(untrusted, gate_plan(category_plan(), blocks=1)) == place


@pytest.mark.parametrize(
    ("untrusted", "places"),
    [
        (b'{"c": "high", "x": 1}', [2, 1_000_000]),
        (b'{"x": 1, "c": "low"}', [0, 1_000_000]),
        (b'{"c": "unknown", "x": 1}', [1, 0]),
        (b'{"c": "high", "x": "high"}', [1, 0]),
        (b'{"c": 1, "x": 1}', [1, 0]),
    ],
)
def test_categories_and_numbers_of_one_chamber_are_all_good_or_all_default(untrusted: bytes, places: list[int]) -> None:
    both = gate_plan(category_plan("c"), output_plan(), blocks=1)

    assert [int(column[0]) for column in read_columns(both, [untrusted])] == places


def test_bad_chamber_leaves_its_neighbours_alone() -> None:
    made = gate_plan(blocks=3)

    assert read_columns(made, [raw(x=1), b"bad", raw(x=2)])[0].tolist() == [1_000_000, 0, 2_000_000]


@pytest.mark.parametrize("count", [0, 127, 129])
def test_wrong_number_of_chambers_is_our_own_fault_and_stops(count: int) -> None:
    with pytest.raises(GateBroken) as broken:
        read_columns(gate_plan(), [raw(x=0)] * count)

    assert broken.value.code == "gate-length"


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:x0123456789.eE+-\\ntfaNIul ', max_size=60).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise_or_leave_the_range(untrusted: bytes) -> None:
    assert -3_000_000 <= read(untrusted) <= 3_000_000


def strictly(untrusted: bytes, names: tuple[str, ...]) -> dict[str, Any] | None:
    """Read as the rules say, slowly and by another parser: pairs are seen before they become a dictionary."""
    try:
        pairs = json.loads(untrusted.decode(), object_pairs_hook=tuple, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    flat = type(pairs) is tuple and sorted(name for name, _ in pairs) == sorted(names)
    return dict(pairs) if flat else None


NAMES = ("x", "y", "c")
CATEGORIES = ("low", "middle", "high")
TEXTS = ['"x"', '"y"', '"c"', '"z"', '"low"', '"high"', '"other"', '"\\u0078"', '"x\\""', '"\\ud800"']
NUMBERS = ["1", "-0.5", "1e2", "2E-3", "1e999", "NaN", "01", "1.", "9007199254740993"]
TOKENS = [*TEXTS, *NUMBERS, "null", "true", "[]", "{}", "{", "}", ":", ",", " ", "\n", "\t"]
HONEST = st.tuples(st.sampled_from(["1", "-0.5", "1e999", "2.5e0", "NaN"]), st.sampled_from(['"low"', '"no"', "1"]))


@st.composite
def nearly_honest(draw: st.DrawFn) -> bytes:
    """Right documents, and ones with a pair twice, left out, out of order, or with a token put in or taken out."""
    pairs = [f'"{name}": {draw(HONEST)[0]}' for name in ("x", "y")] + [f'"c": {draw(HONEST)[1]}']
    pairs = draw(st.permutations(pairs))[: draw(st.integers(2, 3))] + draw(st.lists(st.sampled_from(pairs), max_size=1))
    text = "{" + ", ".join(pairs) + "}"
    place = draw(st.integers(0, len(text)))
    return (text[:place] + draw(st.sampled_from(["", *TOKENS])) + text[place + draw(st.integers(0, 1)) :]).encode()


@given(nearly_honest() | st.lists(st.sampled_from(TOKENS), max_size=24).map("".join).map(str.encode))
@settings(max_examples=1000, deadline=None)
def test_fast_reader_takes_exactly_what_the_rules_say(untrusted: bytes) -> None:
    number = {"default": Decimal("1.5")}
    made = gate_plan(output_plan("x", **number), output_plan("y", **number), category_plan("c"), blocks=1)
    told = strictly(untrusted, NAMES)

    columns = [int(column[0]) for column in read_columns(made, [untrusted])]

    if told and told["c"] in CATEGORIES and is_number(told["x"]) and is_number(told["y"]):
        expected = [fixed(told["x"]), fixed(told["y"]), CATEGORIES.index(told["c"])]
    else:
        expected = [DEFAULT, DEFAULT, 1]
    assert columns == expected


def is_number(value: object) -> bool:
    if type(value) is int:
        return abs(value) <= 2**53
    return type(value) is float and math.isfinite(value)


def fixed(value: Any) -> int:
    return round(min(max(value, -3), 3) * 10**6)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
@settings(max_examples=300, deadline=None)
def test_every_number_lands_in_the_range(value: float) -> None:
    assert -3_000_000 <= read(raw(x=value)) <= 3_000_000


def test_infinity_beside_a_whole_number_spoils_the_whole_chamber() -> None:
    columns = read_columns(plan("x", "y"), [b'{"x": 1, "y": 1e999}'])

    assert [int(column[0]) for column in columns] == [1_500_000, 1_500_000]
