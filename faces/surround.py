"""What surrounds the pages of a program that has no middleware of its own: headers and a limit on bodies."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from faces.errors import FormTooLarge
from faces.headers import with_headers

BODY_BYTES: Final = 1024 * 1024


class Surround:
    """Plain ASGI: no body and no response is held back."""

    def __init__(self, app: ASGIApp, limit: int = BODY_BYTES) -> None:
        """Wrap `app`; a request may carry `limit` bytes."""
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._limit:
                raise FormTooLarge("body-too-large", f"A request may have at most {self._limit} bytes.")
            return message

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": with_headers(list(message.get("headers", ())))}
            await send(message)

        await self._app(scope, counted, headed)
