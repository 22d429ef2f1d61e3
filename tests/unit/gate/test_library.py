"""Each rule of the OpenDP door, beside the answer that the library alone would have given."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian, make_private_quantile
from opendp.measures import zero_concentrated_divergence
from opendp.metrics import absolute_distance, symmetric_distance
from opendp.mod import disable_features, enable_features

from sandbox.errors import GateBroken, Refused
from sandbox.gate import library

ZCDP = zero_concentrated_divergence()


def quantile(domain: Any, candidates: list[Any], scale: float) -> Any:
    return make_private_quantile(domain, symmetric_distance(), ZCDP, candidates, 0.5, scale)


def floats(size: int) -> Any:
    return vector_domain(atom_domain(T=float, nan=False), size=size)


@pytest.fixture
def median() -> library.Mechanism:
    return library.median(0, 100, 5, 3, 10**9)


@pytest.fixture
def other_feature() -> Iterator[None]:
    enable_features("honest-but-curious")
    yield
    disable_features("honest-but-curious")


@pytest.mark.parametrize(
    "vector", [np.array([True] * 3), np.array([1, 2, 3], dtype=np.int32), np.array([1, 2, 3], dtype=object), [1, 2, 3]]
)
def test_anything_but_64_bit_whole_numbers_is_refused(median: library.Mechanism, vector: Any) -> None:
    with pytest.raises(GateBroken) as refused:
        median.invoke(vector)

    assert refused.value.code == "gate-finite"


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_scale_without_noise_is_refused(scale: float, median: library.Mechanism) -> None:
    with pytest.raises(GateBroken) as refused:
        library.nano_of(median.measurement, scale, library.REPLACE_ONE)

    assert refused.value.code == "gate-scale"


def test_sum_beyond_32_bits_is_exact() -> None:
    total = library.noisy_sum(0, 2**40, 100, 10**18)

    assert abs(total.invoke(np.array([2**40] * 100)) - 100 * 2**40) <= 40 * total.scale


@pytest.mark.parametrize("candidates", [(0, 2, 1), (2, 1, 0), (0, 0, 1), (0,), ()])
def test_candidates_that_do_not_rise_are_refused(candidates: tuple[int, ...]) -> None:
    with pytest.raises(GateBroken) as refused:
        library.check_candidates(candidates)

    assert refused.value.code == "gate-unsorted"


def test_grid_rises_strictly_from_end_to_end() -> None:
    made = library.grid(-7, 1_000_003, 2001)

    library.check_candidates(made)
    assert (made[0], made[-1], len(made)) == (-7, 1_000_003, 2001)


@pytest.mark.usefixtures("other_feature")
def test_feature_beyond_contrib_is_refused_before_anything_is_priced() -> None:
    with pytest.raises(Refused) as refused:
        library.check_library()

    assert refused.value.code == "gate-library-features"


@pytest.mark.usefixtures("other_feature")
def test_feature_switched_on_later_stops_the_release(median: library.Mechanism) -> None:
    with pytest.raises(Refused) as refused:
        median.invoke(np.array([1, 2, 3]))

    assert refused.value.code == "gate-library-features"


def test_unknown_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "opendp_version", lambda: "0.17.0")

    with pytest.raises(Refused) as refused:
        library.check_library()

    assert refused.value.code == "gate-library-version"


def test_charge_is_rounded_up() -> None:
    third = make_gaussian(atom_domain(T="i64"), absolute_distance(T="i64"), 3.0)

    assert library.nano_of(third, 3.0, 2) == math.ceil(4 / 18 * 10**9)


@pytest.mark.parametrize("share_nano", [1, 2, 3, 7, 10_416_666, 31_250_000, 10**12])
def test_search_spends_the_whole_share_and_not_a_nano_more(share_nano: int) -> None:
    for mechanism in (library.noisy_sum(-3, 3, 128, share_nano), library.median(-50, 50, 11, 128, share_nano)):
        assert mechanism.rho_nano == share_nano
        assert mechanism.measurement.map(library.REPLACE_ONE) * 10**9 <= share_nano * (1 + 1e-15)


@pytest.mark.parametrize(
    ("rho_nano", "expected"), [(24_400_000, 1.0), (125_000_000, 2.419), (500_000_000, 5.222), (10**9, 7.766)]
)
def test_epsilon_is_the_known_tight_conversion(rho_nano: int, expected: float) -> None:
    assert library.epsilon(rho_nano, 1e-6) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("part", [100, 700])
def test_mechanism_that_is_described_is_the_one_that_is_invoked(part: int) -> None:
    """Candidates are handed over as an array to be invoked and as a list to be described."""
    mechanism = library.quantile(-50, 50, 101, 128, part, 10**15)
    described, column = mechanism.build(mechanism.scale), np.arange(-50, 78, dtype=np.int64).clip(-50, 50)

    assert described.map(library.REPLACE_ONE) == mechanism.measurement.map(library.REPLACE_ONE)
    assert described(column) == mechanism.invoke(column)
    assert library.fingerprint(mechanism) == library.fingerprint(replace(mechanism))
