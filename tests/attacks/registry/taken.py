"""A registry that was taken over: the real application behind a real socket, whose answers are altered on their way.

taken = TakenRegistry(directory)
with taken.lying("/orders$", lambda answer: b"{}"):     # everybody's next requests are answered so
    …

Nodes and clients talk to it as they talk to any registry; nothing in them is patched. Whoever took it over has all that
the registry has, its log's key included; a case that needs more (a stolen office key) makes that with `factory`.
"""

import asyncio
import re
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from factory import OFFICE, key_entry, private_key

from protocol.documents.key import Key
from registry.main import make_app, make_desk

LOG = private_key("the log")
ENDLESS_BYTES = 10 * 2**30
PIECE = b"[" * 2**20


@dataclass(kw_only=True)
class Flood:
    """An answer of 10 GB; `sent` is how much of it somebody took."""

    sent: int = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        while self.sent < ENDLESS_BYTES:
            yield PIECE
            self.sent += len(PIECE)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is answered instead."""

    body: bytes | Flood
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Change = Callable[[bytes], bytes | Flood | Answer]


class TakenRegistry:
    """One registry with its server; honest until told to lie."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.desk = make_desk(
            directory=directory,
            database=f"sqlite:///{directory / 'registry.db'}",
            offices={OFFICE: (Key(**key_entry(OFFICE)).to_public(),)},
            audiences=(self.url,),
            image_bytes=2**24,
            log_key=LOG,
        )
        self._app = make_app(self.desk, lambda: datetime.now(UTC))
        self._lies: list[tuple[re.Pattern[str], Change]] = []
        quiet: dict[str, Any] = {"log_config": None, "lifespan": "off", "ws": "none", "interface": "asgi3"}
        self._server = uvicorn.Server(uvicorn.Config(self._answer, timeout_graceful_shutdown=2, **quiet))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self.desk.bell.close()
        self.desk.store.close()

    @contextmanager
    def lying(self, path: str, change: Change) -> Iterator[None]:
        """Alter what is answered to requests whose path holds the pattern."""
        lie = (re.compile(path), change)
        self._lies.insert(0, lie)
        try:
            yield
        finally:
            self._lies.remove(lie)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        change = next((change for path, change in self._lies if path.search(scope.get("path", ""))), None)
        if change is None:
            await self._app(scope, receive, send)
            return
        told = change(await self._honest(scope, receive))
        told = told if isinstance(told, Answer) else Answer(body=told)
        headers = [(name.lower().encode(), value.encode()) for name, value in told.headers.items()]
        await send({"type": "http.response.start", "status": told.status, "headers": headers})
        if isinstance(told.body, Flood):
            await _pour(told.body, receive, send)
        else:
            await send({"type": "http.response.body", "body": told.body})

    async def _honest(self, scope: Any, receive: Any) -> bytes:
        """What the real application says to the same request."""
        body = b""
        while (part := await receive())["type"] == "http.request":
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        address = httpx.URL(self.url).copy_with(raw_path=scope["raw_path"] + b"?" + scope["query_string"])
        request = httpx.Request(scope["method"], address, headers=scope["headers"], content=body)
        answer = await httpx.ASGITransport(self._app).handle_async_request(request)
        return await answer.aread()


async def _pour(flood: Flood, receive: Any, send: Any) -> None:
    """Send until the other side has gone."""
    gone = asyncio.ensure_future(receive())
    async for piece in flood.pieces():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        if gone.done():
            return
    gone.cancel()
