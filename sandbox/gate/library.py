"""The one door to OpenDP, and the rules that its answers need before they may be believed.

OpenDP is safe noise, not a safe gate. What it lets through, and what this file does about it:

1. Unproven parts can be switched on in any part of the process: only `contrib` may be on, checked at every use.
2. Another version may mean another proof: only versions that were read and tested are accepted.
3. A sized domain answers vectors of another length, and NaN: `check_vector` asks type, length and membership first.
4. On a sized domain d_in = 1 maps to a loss of 0.0: replacing one element is d_in = 2, always.
5. Scale 0 is built and gives the exact answer: a scale must be finite and above 0, and so must the loss.
6. `int` means i32: everything here is i64.
7. Unsorted candidates are accepted and give nonsense: they are made here, and checked to rise strictly.
8. A formula is not the library's proof: what is charged is the measurement's own map, rounded up to the nano.
9. A "monotonic" score is half as dear, and a vote is none: it lowers one score and raises another. A histogram by the
   library's own counting maps replace-one to an L2 distance of 2; the votes are counted in `categories`.

Sources: OpenDP 0.16 proofs of `make_gaussian`, `make_private_quantile` and `make_noisy_max`; Canonne, Kamath, Steinke
2020 (the discrete Gaussian for differential privacy); Cesar and Rogers 2021 (bounded range: an exponential mechanism of
parameter epsilon costs rho = epsilon^2/8).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from itertools import pairwise
from math import ceil, inf, isfinite, nextafter, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from opendp.combinators import make_zCDP_to_approxDP
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian, make_private_quantile
from opendp.measures import zero_concentrated_divergence
from opendp.metrics import absolute_distance, l2_distance, symmetric_distance
from opendp.mod import GLOBAL_FEATURES, enable_features, serialize
from opendp.transformations import make_sum

from sandbox.errors import GateBroken, Refused

KNOWN_VERSIONS = frozenset({"0.16.0"})
FEATURES = frozenset({"contrib"})
REPLACE_ONE = 2  # in symmetric distance: one element removed, another one put in its place
NANO = 10**9
SEARCH_STEPS = 64
QUANTILE_PARTS = 1024

Column = npt.NDArray[np.int64]

enable_features(*FEATURES)

_to_profile: Callable[[Any], Any] = make_zCDP_to_approxDP
_serialize: Callable[[Any], str] = serialize  # untyped in the library


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mechanism:
    """One proven mechanism for a vector of `length` integers, its scale and its exact price.

    `build` makes it again at a scale, from plain lists alone: the library serialises nothing else.
    """

    name: str
    domain: Any
    length: int
    measurement: Any
    scale: float
    rho_nano: int
    build: Callable[[float], Any]

    def invoke(self, vector: Column) -> int:
        """Draw the noise of one number: one call is one release, and there is never a second."""
        return int(self._draw(vector))

    def invoke_vector(self, vector: Column) -> tuple[int, ...]:
        """Draw the noise of a vector: one call is one release of all its numbers, and there is never a second."""
        drawn = tuple(int(number) for number in self._draw(vector))
        if len(drawn) != self.length:
            raise GateBroken("gate-length", "the mechanism gave another number of values than it was given")
        return drawn

    def _draw(self, vector: Column) -> Any:
        check_library()
        check_vector(self.domain, vector, self.length)
        return self.measurement(vector)


def check_library() -> None:
    """Refuse a version nobody read, and any feature beyond `contrib` (rules 1 and 2)."""
    if opendp_version() not in KNOWN_VERSIONS:
        raise Refused("gate-library-version", f"OpenDP {opendp_version()} has not been checked for this gate")
    if GLOBAL_FEATURES != FEATURES:
        extra = ", ".join(sorted(GLOBAL_FEATURES ^ FEATURES))
        raise Refused("gate-library-features", f"OpenDP must run with contrib alone; switch back: {extra}")


@lru_cache(maxsize=1)
def opendp_version() -> str:
    """Give the version of the installed library."""
    return version("opendp")


def check_vector(domain: Any, vector: Column, length: int) -> None:
    """Refuse what the library would answer all the same: wrong length, wrong type, out of bounds (rule 3)."""
    if not isinstance(vector, np.ndarray) or vector.dtype != np.int64:
        raise GateBroken("gate-finite", "the mechanism was proven for 64-bit whole numbers; a float may be NaN")
    if vector.shape != (length,):
        raise GateBroken("gate-length", f"the mechanism was proven for {length} values")
    if not domain.member(vector):
        raise GateBroken("gate-domain", "a value lies outside the bounds that the mechanism was proven for")


def check_candidates(candidates: Sequence[int]) -> None:
    """Refuse candidates that do not rise strictly: the library sorts nothing (rule 7)."""
    if len(candidates) < 2 or any(a >= b for a, b in pairwise(candidates)):
        raise GateBroken("gate-unsorted", "the candidates of a median must rise strictly")


def nano_of(measurement: Any, scale: float, distance: float) -> int:
    """Charge a measurement: its own map at the distance of replace-one, rounded up to the nano (rules 4, 5 and 8)."""
    if not isfinite(scale) or scale <= 0:
        raise GateBroken("gate-scale", "a scale of 0 releases the exact answer")
    rho = measurement.map(distance)
    if not isfinite(rho) or rho <= 0:
        raise GateBroken("gate-map", "the library gives no finite loss above 0 for this measurement")
    return ceil(Fraction(rho) * NANO)


def grid(low: int, high: int, count: int) -> tuple[int, ...]:
    """Give `count` evenly spaced candidates from `low` to `high`, both included, rounded down to whole steps."""
    return tuple(low + (high - low) * i // (count - 1) for i in range(count))


def median(low: int, high: int, count: int, length: int, share_nano: int) -> Mechanism:
    """Make the exponential mechanism for the median: `quantile` at one half."""
    return quantile(low, high, count, length, QUANTILE_PARTS // 2, share_nano)


@lru_cache(maxsize=256)
def quantile(low: int, high: int, count: int, length: int, part: int, share_nano: int) -> Mechanism:
    """Make the exponential mechanism for a quantile of `length` integers, over a grid of `count` candidates.

    The quantile is `part`/1024: the library works with a fraction of whole numbers, and this one is exact and small.
    P(c) is proportional to exp(-|below(c) - quantile x length| / scale), values equal to c apart; rho = 1/(2 scale^2).
    """
    if not 0 < part < QUANTILE_PARTS:
        raise GateBroken("gate-quantile", f"a quantile lies between 0 and {QUANTILE_PARTS} parts")
    candidates = grid(low, high, count)
    check_candidates(candidates)
    column = np.array(candidates, dtype=np.int64)  # the same candidates, twenty times as fast to hand over
    domain = vector_domain(atom_domain(bounds=(low, high), T="i64"), size=length)
    space = domain, symmetric_distance(), zero_concentrated_divergence()

    def build(scale: float, given: Column | tuple[int, ...] = candidates) -> Any:
        return make_private_quantile(*space, given, part / QUANTILE_PARTS, scale)

    name = "exponential-mechanism-median" if 2 * part == QUANTILE_PARTS else "exponential-mechanism-quantile"
    found = search(name, domain, length, lambda scale: build(scale, column), REPLACE_ONE, 1, share_nano)
    return replace(found, build=build)


@lru_cache(maxsize=256)
def noisy_sum(low: int, high: int, length: int, share_nano: int) -> Mechanism:
    """Make the discrete Gaussian mechanism for the sum of `length` integers in [low, high].

    Replacing one of them moves the sum by at most high - low, which costs rho = ((high - low) / scale)^2 / 2.
    """
    domain = vector_domain(atom_domain(bounds=(low, high), T="i64"), size=length)
    total: Any = make_sum(domain, symmetric_distance())
    if total.map(REPLACE_ONE) != high - low:
        raise GateBroken("gate-map", "the library states another sensitivity of the sum than its bounds give")

    def build(scale: float) -> Any:
        return total >> make_gaussian(total.output_domain, total.output_metric, scale)

    return search("discrete-gaussian", domain, length, build, REPLACE_ONE, high - low, share_nano)


@lru_cache(maxsize=256)
def noisy_vector(low: int, high: int, length: int, l2_squared: int, share_nano: int) -> Mechanism:
    """Make the discrete Gaussian mechanism for `length` integers in [low, high], to be drawn with `invoke_vector`.

    `l2_squared` is the square of the L2 distance by which replacing one unit moves the vector, at most: a whole number,
    so that it is exact. It is the caller's proof: 2 for one-hot counts, (2C)^2 for contributions clipped to a norm C,
    and where only an L1 distance D is known, D^2. It costs rho = l2_squared / scale^2 / 2.
    """
    if l2_squared < 1:
        raise GateBroken("gate-map", "a vector that nobody moves needs no mechanism")
    domain = vector_domain(atom_domain(bounds=(low, high), T="i64"), size=length)
    distance = root_above(l2_squared)

    def build(scale: float) -> Any:
        return make_gaussian(domain, l2_distance(T="f64"), scale)

    return search("discrete-gaussian-vector", domain, length, build, distance, distance, share_nano)


def root_above(square: int) -> float:
    """Give the smallest float that is no less than the square root of a whole number."""
    root = sqrt(square)
    return root if Fraction(root) ** 2 >= square else nextafter(root, inf)


def search(
    name: str,
    domain: Any,
    length: int,
    build: Callable[[float], Any],
    distance: float,
    sensitivity: float,
    share_nano: int,
) -> Mechanism:
    """Search the scale upward from sensitivity / sqrt(2 rho) until the map at `distance`, rounded up, fits."""
    scale = sensitivity / sqrt(2 * share_nano / NANO)
    for step in range(SEARCH_STEPS):
        measurement = build(scale)
        rho_nano = nano_of(measurement, scale, distance)
        if rho_nano <= share_nano:
            return Mechanism(
                name=name,
                domain=domain,
                length=length,
                measurement=measurement,
                scale=scale,
                rho_nano=rho_nano,
                build=build,
            )
        scale = nextafter(scale * (1 + 2.0 ** (step - 52)), inf)
    raise GateBroken("gate-map", "no scale was found whose loss fits the share")


def epsilon(rho_nano: int, delta: float) -> float:
    """Give the epsilon of (epsilon, delta) that `rho_nano` implies, by the library's tight bound, never too small."""
    check_library()
    scale = sqrt(NANO / (2 * rho_nano))
    for step in range(SEARCH_STEPS):
        measurement: Any = make_gaussian(atom_domain(T="i64"), absolute_distance(T="i64"), scale)
        if Fraction(measurement.map(1)) * NANO >= rho_nano:
            return float(_to_profile(measurement).map(1).epsilon(delta))
        scale = nextafter(scale * (1 - 2.0 ** (step - 52)), 0)
    raise GateBroken("gate-map", "no measurement was found that carries this rho")


@lru_cache(maxsize=256)
def fingerprint(mechanism: Mechanism) -> str:
    """Give the SHA-256 of the library's own serialisation: the same version rebuilds and compares it."""
    return sha256(_serialize(mechanism.build(mechanism.scale)).encode()).hexdigest()
