"""The life of one order as the registry sees it: a courier's view of what the node reports.

An order waits in its node's queue until the node acknowledges it, by progress or by a receipt; a crash on either side
before that only means that it is handed out again. What a node reports on the way is a courtesy to the researcher: it
may go back (a job that was held, or whose machine was lost), and reports may get lost. The end is believed only with
its signed receipt, and is final. A receipt that binds a release makes the order `sealed` until the release is here.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from registry.errors import Malformed, WrongState


class OrderState(StrEnum):
    """The states of an order; all but `queued` are the node's words."""

    QUEUED = "queued"
    RECEIVED = "received"
    HELD = "held"
    VERIFIED = "verified"
    CHARGED = "charged"
    STAGED = "staged"
    RUNNING = "running"
    SEALED = "sealed"
    RELEASED = "released"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL: Final = frozenset({OrderState.RELEASED, OrderState.REFUSED, OrderState.FAILED, OrderState.CANCELLED})
ON_THE_WAY: Final = frozenset(OrderState) - FINAL - {OrderState.QUEUED}

TRANSITIONS: Final[Mapping[OrderState, frozenset[OrderState]]] = {
    OrderState.QUEUED: ON_THE_WAY | FINAL,
    **{state: (ON_THE_WAY - {state}) | FINAL for state in ON_THE_WAY},
    **{state: frozenset[OrderState]() for state in FINAL},
}


def advance(old: OrderState, reported: str) -> OrderState:
    """Return the state after the node reported a word of its own without a receipt.

    Every word acknowledges the order. One that only a receipt can bring (`refused`, `reported`, …) moves a queued
    order to `received` and changes nothing else; a final state stays. Raises Malformed for no word at all.
    """
    if reported not in _REPORTED:
        raise Malformed("progress-malformed", "The progress names no state that a job can be in.")
    if reported not in ON_THE_WAY:
        return OrderState.RECEIVED if old is OrderState.QUEUED else old
    new = OrderState(reported)
    return new if new in TRANSITIONS[old] else old


def decide(old: OrderState, decision: str) -> OrderState:
    """Return the state after a receipt with this decision came; raises WrongState if the order had already ended."""
    new = OrderState.SEALED if decision == OrderState.RELEASED else OrderState(decision)
    if new != old and new not in TRANSITIONS[old]:
        raise WrongState("order-state", f"The order is {old}; another receipt cannot make it {new}.")
    return new


_REPORTED: Final = frozenset(state.value for state in ON_THE_WAY | FINAL) | {"reported"}
