"""A mail server on this machine that keeps what it is sent."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


class Capture:
    """What came, and how many letters are refused first."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.failures = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.failures > 0:
            self.failures -= 1
            return "451 try again"
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.letters.append(found)
        return "250 taken"

    def to(self, address: str) -> list[EmailMessage]:
        """The letters to one address."""
        return [each for each in self.letters if each["To"] == address]


@contextmanager
def capturing() -> Iterator[tuple[Capture, int]]:
    """Such a server, and its port."""
    handler = Capture()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()
