"""A container's health check: ask a program on its unix socket or loopback port, and end with 0 if it says 200.

    python3 answers.py SOCKET|PORT PATH

It needs Python's own library only: a check that runs every few seconds must not load ours.
"""

import http.client
import socket
import sys

SECONDS = 4


class OnSocket(http.client.HTTPConnection):
    """HTTP to a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of a port."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


def main(where: str, target: str) -> int:
    """Ask once."""
    loopback = http.client.HTTPConnection("127.0.0.1", int(where), timeout=SECONDS) if where.isdecimal() else None
    connection = loopback or OnSocket(where)
    try:
        connection.request("GET", target)
        return 0 if connection.getresponse().status == http.HTTPStatus.OK else 1
    except OSError:
        return 1


sys.exit(main(*sys.argv[1:3]))
