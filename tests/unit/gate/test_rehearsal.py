"""What a rehearsal tells about chambers' bytes is what the gate does with them."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.plan import GatePlan
from sandbox.gate.parse import read_columns
from sandbox.gate.rehearsal import explore, is_readable, why_unreadable
from tests.gate_plans import gate_plan, output_plan, raw, raws


def plan(*names: str, **changes: Any) -> GatePlan:
    return gate_plan(*(output_plan(name, **changes) for name in names or ("x",)), blocks=4)


@pytest.mark.parametrize(
    ("untrusted", "code", "told"),
    [
        (b" " * 5000, "output-too-large", "5000 bytes"),
        (b'{"x": "\xff"}', "output-not-utf8", "byte 7"),
        (b'{"x": 0.5', "output-not-json", "delimiter"),
        (b"", "output-not-json", "Expecting value"),
        (b"[" * 4000, "output-not-json", "nested"),
        (b'{"x": 1' + b"0" * 4400 + b"}", "output-too-large", "bytes"),
        (b"[0.5]", "output-not-object", "flat JSON object"),
        (b"null", "output-not-object", "flat JSON object"),
        (b'{"x": 1, "x": 2}', "output-name-twice", "'x'"),
        (b"{}", "output-missing", "'x'"),
        (b'{"x": 1, "y": 2}', "output-undeclared", "'y'"),
        (b'{"x": "0.5"}', "output-not-number", "'0.5'"),
        (b'{"x": true}', "output-not-number", "True"),
        (b'{"x": {"x": 1}}', "output-not-number", "not a number"),
        (b'{"x": NaN}', "output-not-finite", "nan"),
        (b'{"x": 1e999}', "output-not-finite", "inf"),
        (b'{"x": 9007199254740993}', "output-not-finite", "too large"),
        (b'{"x": 1' + b"0" * 400 + b"}", "output-not-finite", "too large"),
    ],
)
def test_each_fault_is_explained_by_its_own_code(untrusted: bytes, code: str, told: str) -> None:
    assert not is_readable(plan(), untrusted)

    found, sentence = why_unreadable(plan(), untrusted)

    assert found == code
    assert told in sentence
    assert len(sentence) < 300


def test_count_that_is_not_whole_is_explained() -> None:
    counts = plan(whole=True)

    assert is_readable(counts, raw(x=2))
    assert why_unreadable(counts, raw(x=2.5))[0] == "output-not-whole"


def test_untrusted_text_in_an_explanation_is_short_and_plain() -> None:
    _, sentence = why_unreadable(plan(), raw(x="\x1b[2J\u202e" + "a" * 1000))

    assert sentence.isprintable()
    assert len(sentence) < 200


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=40),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=3),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "y"]), inner, max_size=2),
            max_leaves=5,
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_whatever_the_gate_does_not_read_gets_an_explanation(untrusted: bytes) -> None:
    if not is_readable(plan(), untrusted):
        code, sentence = why_unreadable(plan(), untrusted)
        assert code.startswith("output-")
        assert code != "output-unreadable"
        assert sentence


@settings(max_examples=150, deadline=None)
@given(st.floats() | st.integers(-(10**20), 10**20) | st.text(max_size=3) | st.booleans())
def test_readable_is_what_the_gate_does_not_replace_by_the_default(value: object) -> None:
    made = gate_plan(output_plan(default=Decimal("1.234567")), blocks=1)
    untrusted = json.dumps({"x": value}).encode().replace(b"Infinity", b"1e999")

    taken = int(read_columns(made, [untrusted])[0][0]) != 1_234_567

    assert is_readable(made, untrusted) == taken


def test_what_chambers_said_is_counted_before_clamping() -> None:
    (found,) = explore(plan(), [raw(x=1.0), raw(x=2.0), raw(x=9.0), b"garbage"])

    assert (found.read, found.clamped, found.ends) == (3, 1, (1.0, 9.0))
    assert found.spread == pytest.approx(4.3589, rel=1e-4)
    assert Decimal(found.noiseless) == Decimal("1.5")  # of 1, 2, 3 after clamping, and the default 0


def test_noiseless_sum_is_divided_as_the_released_one_is() -> None:
    made = gate_plan(
        output_plan(aggregator="sum", decimals=0, whole=True, divisor=8, spread=None), blocks=4, mode="unit"
    )

    (found,) = explore(made, raws("x", [1, 2, 3, 2]))

    assert Decimal(found.noiseless) == 1
    assert found.expected is not None
    assert found.expected.total is None


def test_no_chamber_read_leaves_spread_and_ends_open() -> None:
    (found,) = explore(plan(), [None] * 4)

    assert (found.read, found.clamped, found.spread, found.ends) == (0, 0, None, None)
