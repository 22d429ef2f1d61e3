"""From submitting a trivial order to its sealed release, over a bare hardened container of the same image.

One registry, one node, one chamber, timing `immediate`: everything else is the price of signatures, policy, ledger,
gate, sealing and two programs that talk over loopback. Order and bare container take turns.
"""

import time
from typing import Any

from benches._trivial import Lab, bare, running, signed
from benches.harness import CannotMeasureError, Figure, beside, judge, seconds, side_by_side

UNIT = "ratio"
REACH = "<= 2"
ROUNDS = 10
WARM_UP = 2
LONGEST_WAIT = 60.0
LOOK_EVERY = 0.01


def measure() -> Figure:
    """The ratio of each pair, beside the bare container's milliseconds."""
    with running() as (lab, engine):
        algorithm = lab.algorithm({"share": 0.5})
        _answer(lab, algorithm)  # the node fetches and loads the image with the first order
        ours, theirs = side_by_side(
            lambda: _answer(lab, algorithm),
            lambda: bare(engine, algorithm),
            rounds=ROUNDS,
            warm_up=WARM_UP,
            clock=_Stopwatch.read,
        )
    ratios = [mine / one for mine, one in zip(ours, theirs, strict=True)]
    baseline = beside("a bare hardened container of the same image", [1000 * second for second in theirs], "ms")
    return judge(ratios, unit=UNIT, reach=2, better="less", beside=baseline)


class _Stopwatch:
    """Time without what is not measured: signing an order beforehand."""

    away = 0.0

    @classmethod
    def read(cls) -> float:
        return time.perf_counter() - cls.away

    @classmethod
    def leave_out(cls, spent: float) -> None:
        cls.away += spent


def _answer(lab: Lab, algorithm: dict[str, Any]) -> None:
    """Submit an order and wait for its sealed release."""
    order = b""

    def sign() -> None:
        nonlocal order
        order = signed(lab, algorithm)

    from factory import RESEARCHER

    _Stopwatch.leave_out(seconds(sign))
    registry = lab.client(RESEARCHER)
    order_id = registry.publish("orders", order)
    until = time.monotonic() + LONGEST_WAIT
    while not (state := registry.order(order_id))["release_ready"]:
        if time.monotonic() > until:
            raise CannotMeasureError(f"no release within {LONGEST_WAIT:g} s; the order is {state['state']}")
        time.sleep(LOOK_EVERY)
