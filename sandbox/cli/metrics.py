"""`safeconduct node metrics`: what Prometheus is told of a node, printed once or served."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from sandbox.cli.common import Directory, is_loopback, now, say, settings_of
from sandbox.errors import BadInput

Listen = Annotated[str | None, typer.Option(help="Serve at HOST:PORT, such as 127.0.0.1:9464, until told to end.")]

BeyondLoopback = Annotated[
    bool, typer.Option("--beyond-loopback", help="Listen where others than this machine can read: they may.")
]


def metrics(directory: Directory, listen: Listen = None, beyond_loopback: BeyondLoopback = False) -> None:
    """Print the node's metrics as Prometheus reads them, or serve them: whoever reaches the address can read them."""
    from prometheus_client import start_http_server

    from sandbox.actions.metrics import NodeCollector, metrics_registry, metrics_text
    from sandbox.worker.wiring import open_store, open_trust, open_watched

    where = _address(listen, beyond_loopback=beyond_loopback) if listen else None
    settings = settings_of(directory)
    trust, store = open_trust(settings), open_store(settings)
    watched = open_watched(settings, store, trust.root)
    collector = NodeCollector(watched, trust.policy, settings.jobs_at_once, now)
    if where is None:
        print(metrics_text(collector).decode(), end="")
    else:
        server, thread = start_http_server(where[1], where[0], metrics_registry(collector))
        say(f"metrics of {settings.node} are served at http://{where[0]}:{server.server_port}/metrics")
        _wait_for_the_end()
        server.shutdown()
        server.server_close()
        thread.join()
    store.close()


def _address(listen: str, *, beyond_loopback: bool) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port) < 1 << 16):
        raise BadInput("address-malformed", f"Where to listen is HOST:PORT, not {listen!r}.")
    if not (beyond_loopback or is_loopback(host)):
        sentence = (
            f"Metrics ask nobody who they are, and {host} may be reached from elsewhere: listen at 127.0.0.1, or say "
            "--beyond-loopback on a network that only Prometheus is on."
        )
        raise BadInput("metrics-beyond-loopback", sentence)
    return host, int(port)


def _wait_for_the_end() -> None:
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    done.wait()
