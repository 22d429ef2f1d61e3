"""What surrounds every request: a body limit, an id, security headers, one log line, one metric.

Plain ASGI: nothing here buffers a body or a response, so uploads and long-polls pass through as they are.
"""

import asyncio
import re
import time
from collections.abc import Iterable
from typing import Final
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from faces.headers import with_headers
from registry.api.metrics import Metrics
from registry.domain.limits import DOCUMENT_BYTES, DRAIN_BYTES, DRAIN_SECONDS, RELEASE_BYTES
from registry.errors import TooLarge

_STREAMED: Final = re.compile(r"/api/v1/images/[^/]+")
_RELEASE: Final = re.compile(r"/api/v1/nodes/[^/]+/releases/[^/]+")

log = structlog.get_logger("registry.http")


def body_limit(path: str) -> int | None:
    """Return the most bytes a request to `path` may carry, or None where the upload counts for itself."""
    if _STREAMED.fullmatch(path):
        return None
    return RELEASE_BYTES if _RELEASE.fullmatch(path) else DOCUMENT_BYTES


class Surround:
    """The one middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap `app` and count into `metrics`."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        watch = _Watch(scope, receive, send)
        try:
            await self._app(scope, watch.receive, watch.send)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.request(scope["method"], route, watch.status, watch.seconds)
            log.info(
                "request", request=watch.id, method=scope["method"], route=route, status=watch.status,
                seconds=round(watch.seconds, 4),
            )  # fmt: skip


class _Watch:
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.id = uuid4().hex
        self.status = 0
        self._limit = body_limit(scope["path"])
        self._came = 0
        self._receive, self._send = receive, send
        self._began = time.perf_counter()
        headers = dict(scope["headers"])
        self._declared = _number(headers.get(b"content-length", b""))
        self._more = (self._declared > 0 or b"transfer-encoding" in headers) and b"expect" not in headers

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    async def receive(self) -> Message:
        if self._limit is not None and self._declared > self._limit:
            raise self._too_large()
        message = await self._next()
        if self._limit is not None and self._came > self._limit:
            raise self._too_large()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._drain()
            self.status = message["status"]
            message = {**message, "headers": self._headers(message.get("headers", ()))}
        await self._send(message)

    def _headers(self, present: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        return [*with_headers(list(present)), (b"x-request-id", self.id.encode())]

    async def _next(self) -> Message:
        message = await self._receive()
        self._came += len(message.get("body", b""))
        self._more = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def _drain(self) -> None:
        """Take in what is left of a refused body, within reason.

        A connection that is closed over unread bytes is reset, and the sender never reads why it was refused.
        """
        until = self._came + DRAIN_BYTES
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._more and self._came < until:
                    await self._next()
        except TimeoutError:
            pass

    def _too_large(self) -> TooLarge:
        return TooLarge("body-too-large", f"The body of this request may have at most {self._limit} bytes.")


def _number(header: bytes) -> int:
    return int(header) if header.isdigit() else 0
