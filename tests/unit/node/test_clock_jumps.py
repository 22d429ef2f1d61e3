"""Whatever the machine's clock does, no job is lost, charged twice or answered twice, and the node says why."""

from typing import Any

import pytest

from sandbox.actions.sweep import sweep
from sandbox.chambers.fake import Ending
from sandbox.store import ledger

HOUR = 3600


def charged(kit: Any) -> list[str]:
    with kit.node.store.reading() as session:
        return [entry.order_id for entry in ledger.entries(session)]


@pytest.mark.parametrize("jumps", [(HOUR,), (-HOUR,), (HOUR, -HOUR), (-HOUR, HOUR), (HOUR, HOUR, -2 * HOUR)])
def test_jumps_between_steps_lose_and_double_nothing(kit: Any, jumps: tuple[int, ...]) -> None:
    def program(_input: bytes, _block: Any) -> Ending:
        kit.clock.advance(8)
        return Ending(wrote=b'{"share": 0.5}')

    kit.chamber = program
    orders = [kit.take() for _ in range(3)]
    kit.tick(orders[0])
    for jump in jumps:
        kit.clock.advance(jump)
        sweep(kit.node)
        for order in orders:
            kit.tick(order)

    kit.clock.advance(2 * HOUR)  # the clock is right again, and has passed its highest mark
    for order in orders:
        assert kit.finish(order, rings=30).state == "reported"

    assert sorted(charged(kit)) == sorted(orders)
    assert len(set(kit.registry.sent("receipts"))) == len(kit.registry.sent("receipts")) == 3


def test_node_whose_clock_fell_behind_charges_nothing_and_says_so(kit: Any) -> None:
    kit.clock.advance(HOUR)
    sweep(kit.node)
    kit.clock.advance(-HOUR)
    order = kit.take()

    assert (kit.tick(order).state, kit.row(order).code) == ("held", "clock-behind")
    assert charged(kit) == []
