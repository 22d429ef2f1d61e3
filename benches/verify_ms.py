"""``verify_ms``: steps 1-7 for an order with three of five approvals, beside three bare Ed25519 verifications.

Steps 1-6 are ``verify_order`` on an order's bytes: nine signatures, ten documents. Step 7 asks the four Cedar policy
sets that a node of this repository starts with. Every round verifies another order; keys and patterns that a running
node has already met stay parsed, as they do there. It only computes, on one core, so its own CPU time is measured.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benches.harness import Figure, beside, judge, side_by_side
from protocol.chain import OrderBundle, verify_order
from sandbox.actions.policy_files import choose_policies, open_policies
from sandbox.domain.policy import PolicyRequest
from tests.factory import DATASET, NODE, NOW, World, digest_of, private_key

UNIT = "ms"
REACH = "<= 5"
ROUNDS = 300
_MEMBERS = ("a1", "b1", "c1", "d1", "e1")
_POLICIES = Path(__file__).parents[1] / "policies"


def measure() -> Figure:
    """The median of many orders, each beside its baseline."""
    world = World(members=_MEMBERS, minimum_approvals=3, minimum_institutions=3)
    measured, bare = side_by_side(
        _verifier(world), _three_signatures(), rounds=ROUNDS, warm_up=20, clock=time.thread_time
    )
    return judge(
        [second * 1000 for second in measured],
        unit=UNIT,
        reach=5,
        better="less",
        beside=beside("three bare Ed25519 verifications", [second * 1000 for second in bare], UNIT),
    )


def _verifier(world: World) -> Callable[[], None]:
    root, orders = world.open_root(), _orders(world)
    book = open_policies(choose_policies(_POLICIES, "fi"))
    request = PolicyRequest(**json.loads((_POLICIES / "cases" / "decisions.json").read_text())["base"])

    def verify() -> None:
        verify_order(next(orders), trust_root=root, node=NODE, datasets=frozenset({DATASET}), now=NOW)
        book.check(request)

    return verify


def _orders(world: World) -> Iterator[OrderBundle]:
    """Ever new orders on the same approvals, made before the clock runs."""
    bundles = [world.bundle(approvals=_MEMBERS[:3], order={"nonce": f"{number:032x}"}) for number in range(100)]
    return itertools.cycle(bundles)


def _three_signatures() -> Callable[[], None]:
    key = private_key("meri")
    message = digest_of(World().bundle().order).encode() * 20
    public, signature = key.public, key.sign(message)

    def verify() -> None:
        for _ in range(3):
            public.verify(signature, message)

    return verify
