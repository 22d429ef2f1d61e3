"""`safeconduct node metrics`: what Prometheus is told of a node, printed once or served."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from sandbox.cli.common import Directory, now, say, settings_of
from sandbox.errors import BadInput

Listen = Annotated[str | None, typer.Option(help="Serve at HOST:PORT, such as 127.0.0.1:9464, until told to end.")]


def metrics(directory: Directory, listen: Listen = None) -> None:
    """Print the node's metrics as Prometheus reads them, or serve them at an address: anybody there can read them."""
    from prometheus_client import start_http_server

    from sandbox.actions.metrics import NodeCollector, metrics_registry, metrics_text
    from sandbox.worker.wiring import open_limits, open_store, open_trust, open_watched

    settings = settings_of(directory)
    trust, store = open_trust(settings), open_store(settings)
    watched = open_watched(settings, store, trust.root)
    collector = NodeCollector(watched, trust.policy, open_limits(settings), now)
    if listen is None:
        print(metrics_text(collector).decode(), end="")
    else:
        host, port = _address(listen)
        server, thread = start_http_server(port, host, metrics_registry(collector))
        say(f"metrics of {settings.node} are served at http://{host}:{server.server_port}/metrics")
        _wait_for_the_end()
        server.shutdown()
        server.server_close()
        thread.join()
    store.close()


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port) < 1 << 16):
        raise BadInput("address-malformed", f"Where to listen is HOST:PORT, not {listen!r}.")
    return host, int(port)


def _wait_for_the_end() -> None:
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    done.wait()
