"""Results: what came back, whether to believe it, and what many nodes say together.

    1 the receipt    signed by the node that was asked, about this order, decision `released`
    2 the digest     the ciphertext is the one the receipt names
    3 the opening    decrypted with the recipient key of the order
    4 the answer     values with the intervals they were released with
    5 together       per output, the inverse-variance mean over nodes

Rule of 5: weights are 1/SE², the mean's standard error is 1/√Σw (Cochran 1954; DerSimonian and Laird 1986, fixed
effect). It assumes what `ASSUMPTIONS` says, and every printed combination carries those sentences.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from client.errors import Unreachable, UsageProblem
from protocol.crypto.hpke import RecipientKey
from protocol.documents.receipt import Receipt
from protocol.documents.release import Release, ReleasedHistogram, ReleasedValue
from protocol.documents.trust_root import TrustRoot

Z95: Final = 1.959963984540054
ASSUMPTIONS: Final = (
    "The nodes estimate one common quantity; Q and I² say how far they disagree beyond their standard errors.",
    "The estimates are independent: no person is counted at two nodes.",
    "Each estimate is about Normal with the standard error its release states (noise and sampling together).",
    "Each node's rho protects its own people; where people could be in several nodes, the rho values add up.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came back for one order: a receipt that was verified, and the release that it binds, if there is one."""

    order: str
    receipt: Receipt
    release: Release | None


def open_result(
    order: str,
    untrusted_receipt: bytes,
    untrusted_release: bytes | None,
    *,
    accreditations: Iterable[bytes],
    statuses: Iterable[bytes],
    trust_root: TrustRoot,
    recipient: RecipientKey,
    now: datetime,
) -> Result:
    """Steps 1 to 3. Refused: a receipt of another order, or that no node signed which is accredited and, by a status
    that is live now, not revoked; a release that it does
    not bind, a release that is not there although the receipt says so."""
    from protocol.chain import open_release, verify_receipt

    receipt = verify_receipt(
        untrusted_receipt,
        accreditations=accreditations,
        statuses=statuses,
        trust_root=trust_root,
        now=now,
        order_id=order,
        live=True,
    )
    if receipt.decision != "released":
        return Result(order=order, receipt=receipt, release=None)
    if untrusted_release is None:
        sentence = f"{receipt.node} says it released, but the release has not arrived yet; fetch it a little later."
        raise Unreachable("release-not-here", sentence)
    return Result(order=order, receipt=receipt, release=open_release(untrusted_release, receipt, recipient))


def as_data(result: Result) -> dict[str, Any]:
    """Return a result for programs: what the receipt and the release say, amounts as in the documents."""
    receipt = result.receipt
    data: dict[str, Any] = {
        "order": result.order,
        "node": receipt.node,
        "dataset": receipt.dataset,
        "decision": receipt.decision,
        "code": receipt.code,
        "reason": receipt.reason,
        "receipt_verified": True,
        "rho_charged_nano": receipt.rho_charged_nano,
        "rho_left_nano": receipt.rho_left_nano,
        "measurement": receipt.measurement,
        "timing": receipt.timing,
        "profile": receipt.profile,
    }
    if result.release is not None:
        data["release"] = result.release.model_dump(mode="json")
    return data


def estimates(results: Iterable[Result]) -> dict[str, list[Estimate]]:
    """Return the estimates that can be combined, by output name: those whose release states a standard error.

    A bar of a histogram is an estimate like any other, called NAME [CATEGORY].
    """
    found: dict[str, list[Estimate]] = {}
    for result in results:
        for name, value, error in _stated(result.release) if result.release else ():
            if error is not None and error > 0:
                estimate = Estimate(node=result.receipt.node, value=float(value), standard_error=float(error))
                found.setdefault(name, []).append(estimate)
    return found


def _stated(release: Release) -> Iterator[tuple[str, Decimal, Decimal | None]]:
    for output in release.outputs:
        if isinstance(output, ReleasedValue):
            yield output.name, output.value, output.standard_error
        elif isinstance(output, ReleasedHistogram):
            for bar in output.bars:
                yield f"{output.name} [{bar.category}]", bar.value, bar.standard_error


def combine_all(results: Iterable[Result]) -> list[Combination]:
    """Return the combination of every output that at least two nodes released with a standard error."""
    return [combine(name, many) for name, many in estimates(results).items() if len(many) > 1]


def combination_data(combination: Combination) -> dict[str, Any]:
    """Return a combination for programs."""
    return {**asdict(combination), "weights": dict(combination.weights), "assumptions": list(combination.assumptions)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One node's value of one output, with its standard error in the same unit."""

    node: str
    value: float
    standard_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """What the nodes say together about one output; the interval is meant to cover at 95 %."""

    name: str
    value: float
    standard_error: float
    low: float
    high: float
    q: float
    i_squared: float
    weights: tuple[tuple[str, float], ...]
    level: str = "0.95"
    assumptions: tuple[str, ...] = ASSUMPTIONS


def combine(name: str, estimates: Sequence[Estimate]) -> Combination:
    """Return the inverse-variance mean of one output over nodes, with its 95 % interval.

    Refused: no estimate, two of one node, a value that is not finite, a standard error that is not positive.
    """
    _check(name, estimates)
    weights = [1.0 / e.standard_error**2 for e in estimates]
    total = math.fsum(weights)
    mean = math.fsum(w * e.value for w, e in zip(weights, estimates, strict=True)) / total
    error = 1.0 / math.sqrt(total)
    q = math.fsum(w * (e.value - mean) ** 2 for w, e in zip(weights, estimates, strict=True))
    free = len(estimates) - 1
    return Combination(
        name=name,
        value=mean,
        standard_error=error,
        low=mean - Z95 * error,
        high=mean + Z95 * error,
        q=q,
        i_squared=max(0.0, (q - free) / q) if q > 0 else 0.0,
        weights=tuple((e.node, w / total) for w, e in zip(weights, estimates, strict=True)),
    )


def _check(name: str, estimates: Iterable[Estimate]) -> None:
    nodes = [e.node for e in estimates]
    if not nodes:
        raise UsageProblem("combine-nothing", f"There is no estimate of {name} to combine; fetch results first.")
    if len(set(nodes)) != len(nodes):
        sentence = f"Two estimates of {name} come from one node: their people are the same. Choose one job per node."
        raise UsageProblem("combine-same-node", sentence)
    for e in estimates:
        if not (math.isfinite(e.value) and math.isfinite(e.standard_error) and e.standard_error > 0):
            sentence = f"{e.node} gives no finite value of {name} with a positive standard error; leave it out."
            raise UsageProblem("combine-not-finite", sentence)
