"""A worker process says by the clock that it lives, whatever it works on."""

import threading

from sandbox.actions.look import say_alive
from sandbox.actions.node import Node
from sandbox.domain.checks import BEAT, on_beat
from sandbox.errors import InfrastructureLost
from sandbox.worker.names import show_alive


def start_beats(node: Node, worker: str) -> None:
    """Begin to say so, in a thread that ends with the process."""
    threading.Thread(target=_beat, args=(node, worker), name="beats", daemon=True).start()


def _beat(node: Node, worker: str) -> None:
    pause = threading.Event()
    while True:
        now = node.clock.now()
        try:
            say_alive(node.store, worker, now)
        except InfrastructureLost:
            continue_at = now + BEAT / 10
        else:
            show_alive(node.places.run, "worker")
            continue_at = on_beat(now) + BEAT
        pause.wait((continue_at - now).total_seconds())
