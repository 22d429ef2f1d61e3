"""The six steps on whole bundles."""

from factory import DATASET, NODE, NOW, World

from protocol.chain import verify_order


def test_order_that_is_right_is_believed() -> None:
    world = World()

    verified = verify_order(
        world.bundle(), trust_root=world.open_root(), node=NODE, datasets=frozenset({DATASET}), now=NOW
    )

    assert verified.order.node == NODE
