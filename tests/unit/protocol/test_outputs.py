"""What an output may say, in words and in bounds; and how long a release is, whatever it says."""

import pytest
from vectors.receipt_cases import COUNTED, VOTED, WORLD
from vectors.spec_cases import VOTE

from protocol.documents.algorithm import OutputSpec
from protocol.documents.release import Release, ReleasedValue
from protocol.documents.strict import build

NUMBER = {"name": "x", "kind": "number", "range": ["-1", "2"], "default": "0", "aggregator": "mean"}


@pytest.mark.parametrize(("spec", "words"), [(NUMBER, "mean, from -1 to 2"), (VOTE, "vote of A, C, G, T, none seen")])
def test_output_says_in_words_what_leaves(spec: dict[str, object], words: str) -> None:
    assert build(OutputSpec, spec).in_words() == words


def test_number_has_bounds_and_a_category_has_none() -> None:
    assert build(OutputSpec, NUMBER).bounds == (-1, 2, 0)

    with pytest.raises(TypeError):
        _ = build(OutputSpec, VOTE).bounds


def release(*outputs: object) -> Release:
    order = WORLD.order()
    return WORLD.release(order, "0" * 64, **({"outputs": list(outputs)} if outputs else {}))


def test_length_follows_from_the_numbers_of_outputs_and_bars_alone() -> None:
    number, vote, bars = release(), release(VOTED), release(COUNTED)
    other = release(VOTED | {"category": "another one"})

    assert vote.padded_length() == number.padded_length() == other.padded_length()
    assert bars.padded_length() == vote.padded_length() + 2 * 1024


def test_longest_bar_fits_its_share_of_the_length() -> None:
    """An amount has at most 18 digits before and 40 after its point."""
    amount = "-" + "9" * 18 + "." + "9" * 40
    longest = dict.fromkeys(COUNTED["bars"][0], amount) | {"category": "x" * 100}
    longest |= {"noise_high": amount[1:], "total_high": amount[1:]}

    length = len(release(COUNTED | {"bars": [longest] * 256}).to_bytes())

    assert length < release(COUNTED | {"bars": [longest] * 256}).padded_length()


def test_numbers_of_a_release_leave_out_votes_and_histograms() -> None:
    assert release(VOTED, COUNTED).numbers == ()
    assert [type(one) for one in release().numbers] == [ReleasedValue]
