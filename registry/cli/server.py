"""Run the application under uvicorn: one process, a word when it is ready, a quick and clean end."""

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvicorn

from registry import settings
from registry.errors import Misconfigured

APPLICATION: Final = "registry.main:application"
GRACE_SECONDS: Final = 10
_BACKLOG: Final = 256


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, where: str, *, as_json: bool) -> None:
        super().__init__(config)
        self._where, self._as_json = where, as_json

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"registry ready at {self._where}", file=sys.stderr, flush=True)
            if self._as_json:
                print(json.dumps({"url": self._where, "pid": os.getpid()}), flush=True)


def serve(directory: Path, overrides: Mapping[str, Any], *, as_json: bool) -> None:
    """Run the registry in `directory` until SIGTERM or SIGINT."""
    chosen = settings.load(directory, overrides)
    listener = None if chosen.uds else _listen(chosen.host, chosen.port)
    port = listener.getsockname()[1] if listener else chosen.port
    os.environ |= settings.environment(directory, {**overrides, "port": port})
    config = uvicorn.Config(
        APPLICATION,
        factory=True,
        uds=str(chosen.uds) if chosen.uds else None,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    where = f"unix:{chosen.uds}" if chosen.uds else f"http://{chosen.host}:{port}"
    signal.signal(signal.SIGTERM, _stopped)  # uvicorn raises it again at its end; being told to stop is no failure
    _Server(config, where, as_json=as_json).run(sockets=[listener] if listener else None)


def _stopped(_signal: int, _frame: FrameType | None) -> None:
    """Do nothing: the server has already stopped."""


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's delay (40 ms per answer) off only where it is.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise Misconfigured("setting-port", f"Cannot listen on {host}:{port}: {error.strerror}.") from error
    return listener
