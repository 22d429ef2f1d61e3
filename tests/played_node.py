"""A node that a test plays before a real registry: it fetches, believes or refuses, answers with its signed receipt."""

from datetime import datetime

from factory import NODE
from registry_process import Registry

from protocol.chain import OrderBundle, VerifiedOrder, seal_release, verify_order
from protocol.crypto.digest import sha256_hex
from protocol.documents.strict import canonical
from protocol.documents.trust_root import TrustRoot

DOOR = f"/nodes/{NODE}"


def take(registry: Registry, root: TrustRoot, now: datetime) -> VerifiedOrder:
    """Fetch the one order that waits, verify it as a node does, and report that it runs."""
    (handed,) = registry.request("GET", f"{DOOR}/orders", NODE).json()["orders"]
    bundle = OrderBundle.from_json(canonical(handed))
    datasets = frozenset({registry.world.dataset})
    verified = verify_order(bundle, trust_root=root, node=NODE, datasets=datasets, now=now)
    running = {"order": verified.order_id, "state": "running"}
    assert registry.request("POST", f"{DOOR}/progress", NODE, json=running).is_success
    return verified


def answer(registry: Registry, verified: VerifiedOrder) -> None:
    """Hand in a signed receipt and the encrypted release that it binds."""
    order, order_id = verified.order, verified.order_id
    ciphertext = seal_release(registry.world.release(order, order_id), order.recipient_bytes)
    bound = {"release_digest": sha256_hex(ciphertext), "rho_charged_nano": order.rho_nano}
    receipt = registry.world.receipt(order, order_id, decision="released", code="released", **bound)
    raw = registry.world.sign(receipt, NODE)
    assert registry.request("POST", f"{DOOR}/receipts", NODE, content=raw).status_code == 201
    assert registry.request("PUT", f"{DOOR}/releases/{order_id}", NODE, content=ciphertext).status_code == 201
