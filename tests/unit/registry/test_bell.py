"""The bell wakes those who listen for a node, from any thread, and everybody when it closes."""

import asyncio
import threading

from registry.outbound.bell import Bell


async def heard_after(bell: Bell, act: object, *, node: str = "node-fi", seconds: float = 5) -> bool:
    with bell.listening(node) as ear:
        threading.Timer(0.01, act).start()  # type: ignore[arg-type]
        return await ear.heard(seconds)


def test_a_ring_from_another_thread_is_heard() -> None:
    bell = Bell()

    assert asyncio.run(heard_after(bell, lambda: bell.ring("node-fi")))


def test_a_ring_for_another_node_is_not() -> None:
    bell = Bell()

    assert not asyncio.run(heard_after(bell, lambda: bell.ring("node-es"), seconds=0.1))


def test_a_ring_between_looking_and_waiting_is_not_lost() -> None:
    async def scene() -> bool:
        bell = Bell()
        with bell.listening("node-fi") as ear:
            bell.ring("node-fi")
            return await ear.heard(5)

    assert asyncio.run(scene())


def test_closing_wakes_everybody() -> None:
    bell = Bell()

    assert asyncio.run(heard_after(bell, bell.close))
    assert bell.closed


def test_listeners_are_counted_and_forgotten() -> None:
    async def scene() -> list[int]:
        bell = Bell()
        counts = [bell.listeners]
        with bell.listening("node-fi"), bell.listening("node-fi"):
            counts.append(bell.listeners)
        return [*counts, bell.listeners]

    assert asyncio.run(scene()) == [0, 2, 0]


def test_a_ring_after_the_loop_has_gone_harms_nobody() -> None:
    bell = Bell()
    loop = asyncio.new_event_loop()

    async def enter() -> object:
        return bell.listening("node-fi").__enter__()

    loop.run_until_complete(enter())
    loop.close()
    bell.ring("node-fi")
