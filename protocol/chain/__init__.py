"""From bytes to belief: the questions that all of protocol exists to answer."""

from protocol.chain.bundle import OrderBundle
from protocol.chain.explain import Step, explain
from protocol.chain.order import VerifiedOrder, attribute_order, verify_order
from protocol.chain.receipt import open_release, seal_release, verify_receipt

__all__ = [
    "OrderBundle",
    "Step",
    "VerifiedOrder",
    "attribute_order",
    "explain",
    "open_release",
    "seal_release",
    "verify_order",
    "verify_receipt",
]
