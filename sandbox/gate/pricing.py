"""The price of a plan: the very measurements that will be invoked, and their exact loss in nano-rho."""

import json
from itertools import groupby

from sandbox.domain.plan import GatePlan, OutputPlan
from sandbox.gate import bought, categories, library, statistic
from sandbox.gate.library import Mechanism
from sandbox.gate.values import OutputPrice, Price


def price(plan: GatePlan) -> Price:
    """Say what releasing this plan costs; `release` invokes the same mechanisms, so this is what must be charged."""
    library.check_library()
    if plan.mode == "statistic":
        return statistic.price(plan)
    priced = [(output, mechanism_of(plan, output), bought.mechanisms_of(plan, output)) for output in plan.outputs]
    prices = tuple(_price_output(output, mechanism, ends) for output, mechanism, ends in priced)
    every = [(output, mechanism) for output, mechanism, _ in priced]
    every += [(output, end) for output, _, ends in priced for end in ends]
    return Price(
        rho_nano_total=sum(one.rho_nano + one.interval_nano for one in prices),
        per_output=prices,
        measurement=_describe(plan, every),
    )


def _price_output(output: OutputPlan, mechanism: Mechanism, ends: tuple[Mechanism, ...]) -> OutputPrice:
    return OutputPrice(
        name=output.name,
        mechanism=mechanism.name,
        scale=mechanism.scale,
        rho_nano=mechanism.rho_nano,
        interval_nano=sum(end.rho_nano for end in ends),
    )


def mechanism_of(plan: GatePlan, output: OutputPlan) -> Mechanism:
    """Give the mechanism of one output: its scale is searched upward until its loss fits the output's share."""
    low, high = output.fixed(output.low), output.fixed(output.high)
    if output.aggregator == "median":
        return library.median(low, high, plan.candidates, plan.blocks, output.rho_nano)
    if output.aggregator == "vote":
        return categories.vote(len(output.categories), plan.blocks, output.rho_nano)
    if output.aggregator == "histogram":
        return categories.histogram(len(output.categories), plan.blocks, output.rho_nano)
    return library.noisy_sum(low, high, plan.blocks, output.rho_nano)


def _describe(plan: GatePlan, pairs: list[tuple[OutputPlan, Mechanism]]) -> str:
    """Describe the measurements for the receipt, enough to build them again; equal neighbours are written once.

    The outputs' names are those of the order, in the order of the spec: `outputs` counts how many share a description.
    The ends of bought intervals come after all outputs, two for each that bought one.
    """
    described = [_describe_output(plan, output, mechanism) for output, mechanism in pairs]
    document = {
        "library": "opendp",
        "version": library.opendp_version(),
        "measure": "zero-concentrated-divergence",
        "neighbours": "replace-one",
        "chambers": plan.blocks,
        "mechanisms": [{**one, "outputs": len(list(same))} for one, same in groupby(described)],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _describe_output(plan: GatePlan, output: OutputPlan, mechanism: Mechanism) -> dict[str, object]:
    described: dict[str, object] = {
        "mechanism": mechanism.name,
        "scale": repr(mechanism.scale),
        "rho_nano": mechanism.rho_nano,
        "sha256": library.fingerprint(mechanism),
    }
    if output.categories:
        return described | {"categories": len(output.categories)}
    described |= {"low": output.fixed(output.low), "high": output.fixed(output.high), "decimals": output.decimals}
    return described | ({"candidates": plan.candidates} if output.aggregator == "median" else {})
