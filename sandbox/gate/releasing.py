"""Steps 12 and 13: untrusted bytes in, released values out. Clamp, reduce, draw the noise once.

1. Every chamber's bytes become clamped fixed-point integers, or the defaults (`parse`).
2. Every output's vector is reduced by its one mechanism (`library`); what it costs was charged before.
3. All that follows is arithmetic on the noisy value and on public numbers: division by N_pub, rounding, intervals.

Nothing here may be called twice for one charge: the caller seals what it gets and repeats the sealed bytes.
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import hypot, sqrt

from protocol.documents.release import Interval, ReleasedOutput, ReleasedValue
from sandbox.domain.plan import GatePlan, OutputPlan
from sandbox.errors import GateBroken
from sandbox.gate import bought, intervals, library, releasing_categories, wording
from sandbox.gate.library import Column, Mechanism
from sandbox.gate.parse import read_columns
from sandbox.gate.pricing import mechanism_of

FINENESS = 3  # released sums keep this many decimal places below the noise: more would only look exact


def release(plan: GatePlan, untrusted_outputs: Sequence[bytes | None]) -> tuple[ReleasedOutput, ...]:
    """Release every output of a plan from its chambers' raw results, in the order of the chambers; None is no result.

    Bad bytes become defaults and never raise. Raises `GateBroken` when trusted code broke its own promises.
    """
    library.check_library()
    mechanisms = [mechanism_of(plan, output) for output in plan.outputs]
    columns = read_columns(plan, untrusted_outputs)
    return tuple(
        _release_output(plan, output, mechanism, column)
        for output, mechanism, column in zip(plan.outputs, mechanisms, columns, strict=True)
    )


def epsilon(rho_nano: int, delta: Decimal) -> Decimal:
    """Give epsilon at `delta` for a zero-concentrated loss, rounded up to four places."""
    return Decimal(library.epsilon(rho_nano, float(delta))).quantize(Decimal("0.0001"), ROUND_CEILING)


def _release_output(plan: GatePlan, output: OutputPlan, mechanism: Mechanism, column: Column) -> ReleasedOutput:
    if mechanism.rho_nano > output.rho_nano:
        raise GateBroken("gate-map", f"output {output.name!r} would cost more than its share")
    if output.categories:
        return releasing_categories.release_output(plan, output, mechanism, column)
    noisy = mechanism.invoke(column)
    if output.aggregator == "median":
        released = _released_median(plan, output, mechanism, Decimal(noisy).scaleb(-output.decimals))
        return _with_bought_interval(plan, output, column, released)
    return _released_sum(plan, output, mechanism, noisy)


def _released_sum(plan: GatePlan, output: OutputPlan, mechanism: Mechanism, noisy: int) -> ReleasedValue:
    """Divide the noisy sum and say how far the noise, and sampling where a spread is stated, may have moved it."""
    divisor = output.divisor * (plan.blocks if output.aggregator == "mean" else 1)
    unit = Decimal(1).scaleb(-output.decimals) / divisor
    deviation = Decimal(mechanism.scale) * unit
    places = Decimal(1).scaleb(deviation.adjusted() - FINENESS)
    value = (noisy * unit).quantize(places)
    half = intervals.gaussian_half(mechanism.scale) * unit + places
    total, error = _sampling_of_sum(plan, output, float(deviation), divisor, value, places)
    return ReleasedValue(
        name=output.name,
        value=value,
        mechanism=mechanism.name,
        scale=_rounded_up(deviation, places),
        noise_interval=_interval(value, half, places, intervals.NOISE_LEVEL, wording.covers_noise_of_sum(plan, output)),
        total_interval=total,
        standard_error=error,
        rho_nano=mechanism.rho_nano,
    )


def _sampling_of_sum(
    plan: GatePlan, output: OutputPlan, deviation: float, divisor: int, value: Decimal, places: Decimal
) -> tuple[Interval | None, Decimal | None]:
    """Add the sampling of the chambers' values to the noise, where the spec states their spread."""
    if output.spread is None:
        return None, None
    error = hypot(deviation, float(output.spread) * sqrt(plan.blocks) / divisor)
    half = Decimal(intervals.Z_TOTAL * error)
    covers = wording.covers_total_of_sum(output)
    return _interval(value, half, places, intervals.TOTAL_LEVEL, covers), _rounded_up(Decimal(error), places)


def _released_median(plan: GatePlan, output: OutputPlan, mechanism: Mechanism, value: Decimal) -> ReleasedValue:
    """Give the chosen candidate and, under the model of Normal block values, how far it may lie from the truth."""
    spread = _spread(output)
    span = float((output.high - output.low) / spread)
    model = intervals.median_model(plan.blocks, mechanism.scale, span, plan.candidates)
    places = Decimal(1).scaleb(-output.decimals)
    noise_half, total_half = (Decimal(half) * spread for half in (model.noise_half, model.total_half))
    error = hypot(model.noise_deviation, intervals.MEDIAN_EFFICIENCY / sqrt(plan.blocks)) * float(spread)
    return ReleasedValue(
        name=output.name,
        value=value,
        mechanism=mechanism.name,
        scale=Decimal(repr(mechanism.scale)),
        noise_interval=_interval(value, noise_half, places, intervals.NOISE_LEVEL, wording.covers_noise_of_median()),
        total_interval=_interval(value, total_half, places, intervals.TOTAL_LEVEL, wording.covers_total_of_median()),
        standard_error=_rounded_up(Decimal(error), places),
        rho_nano=mechanism.rho_nano,
    )


def _with_bought_interval(plan: GatePlan, output: OutputPlan, column: Column, released: ReleasedValue) -> ReleasedValue:
    """Put the interval that was bought, if one was, in the place of the one that follows from the stated spread."""
    ends = bought.mechanisms_of(plan, output)
    if not ends:
        return released
    cost = sum(end.rho_nano for end in ends)
    if cost > output.interval_nano:
        raise GateBroken("gate-map", f"the interval of {output.name!r} would cost more than its share")
    interval = bought.interval(plan, output, ends, column, released.value)
    return released.model_copy(update={"total_interval": interval, "rho_nano": released.rho_nano + cost})


def _spread(output: OutputPlan) -> Decimal:
    if output.spread is None:
        raise GateBroken("gate-spread", f"the median {output.name!r} was planned without a spread")
    return output.spread


def _interval(value: Decimal, half: Decimal, places: Decimal, level: str, covers: str) -> Interval:
    """Give value ± half, rounded outward."""
    return Interval(
        low=(value - half).quantize(places, ROUND_FLOOR),
        high=(value + half).quantize(places, ROUND_CEILING),
        level=Decimal(level),
        covers=covers,
    )


def _rounded_up(number: Decimal, places: Decimal) -> Decimal:
    return number.quantize(places, ROUND_CEILING)
