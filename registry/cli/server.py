"""Run the application under uvicorn: one process, logs as JSON on standard error, a quick and clean end."""

import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Final

import structlog
import uvicorn

from registry import main, settings
from registry.cli import folder
from registry.errors import Misconfigured
from registry.outbound.bell import Bell

GRACE_SECONDS: Final = 10
_BACKLOG: Final = 256
ABANDONED_AFTER: Final = timedelta(days=7)
"""Unfinished uploads older than this are removed at start."""


class _Server(uvicorn.Server):
    """Wakes waiting long-polls when told to stop, so that the end does not wait for them, and says when it is ready."""

    def __init__(self, config: uvicorn.Config, bell: Bell, ready: str, *, as_json: bool) -> None:
        super().__init__(config)
        self._bell, self._ready, self._as_json = bell, ready, as_json

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"registry ready at {self._ready}", file=sys.stderr, flush=True)
            if self._as_json:
                print(json.dumps({"url": self._ready, "pid": os.getpid()}), flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._bell.close()
        super().handle_exit(sig, frame)


def serve(directory: Path, overrides: Mapping[str, Any], *, as_json: bool) -> None:
    """Run the registry in `directory` until SIGTERM or SIGINT."""
    listener = None
    chosen = settings.load(directory, overrides)
    if chosen.uds is None:
        listener = _listen(chosen.host, chosen.port)
        chosen = chosen.model_copy(update={"port": listener.getsockname()[1]})
    _log_as_json()
    desk = main.make_desk(
        directory=directory,
        database=chosen.database,
        offices=folder.read_offices(directory),
        audiences=chosen.audiences,
        image_bytes=chosen.image_bytes,
    )
    desk.blobs.sweep(time.time() - ABANDONED_AFTER.total_seconds())
    config = uvicorn.Config(
        main.make_app(desk),
        uds=str(chosen.uds) if chosen.uds else None,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    where = f"unix:{chosen.uds}" if chosen.uds else f"http://{chosen.host}:{chosen.port}"
    server = _Server(config, desk.bell, where, as_json=as_json)
    signal.signal(
        signal.SIGTERM, _stopped
    )  # uvicorn raises the signal again at its end; being told to stop is no failure
    server.run(sockets=[listener] if listener else None)
    desk.store.close()


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


def _log_as_json() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format='{"event": "library", "logger": "%(name)s"}')
