"""One page on this very machine where a passkey signs: served to this machine's browser, and gone when it has.

1. It listens on the loopback interface only, at the one origin that trust roots name for signing.
2. Its address holds a secret that is made for this one page; any other address, host or origin gets nothing, so neither
   another site nor another user of the machine reaches it.
3. Nothing comes from elsewhere: no script, style, font or image but ours, and what came from outside is only ever text.
4. It ends by itself: when the page has what it is for, or when its time is over.

Standard library only: what people sign with should be small enough to read.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from client.errors import ClientError, UsageProblem
from protocol.documents.passkey import PasskeyOrigin
from protocol.documents.strict import parse_object
from protocol.errors import SafeconductError

SECONDS: Final = 600
ANSWER_BYTES: Final = 16 * 1024
LOOPBACK: Final = "127.0.0.1"
_STATIC: Final = Path(__file__).parent / "static"
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Answer = Mapping[str, Any]
Step = Callable[[Answer], Mapping[str, Any]]
"""Takes what the page sends, checks it, and says what the page is to do next; `{"done": …}` ends it."""


class SignerPage:
    """A page with its steps, served between `start` and `wait`."""

    def __init__(self, page: PasskeyOrigin, html: str, steps: Mapping[str, Step]) -> None:
        """Listen at the page's origin; refused (`signer-port`) where something else does."""
        self.origin, self.steps, self.html = page.origin, steps, html
        self.secret = secrets.token_urlsafe(32)
        self.result: Mapping[str, Any] | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        try:
            self._server = _Server((LOOPBACK, _port(page)), self)
        except OSError as problem:
            sentence = f"Cannot listen at {page.origin}: {problem.strerror}. End what listens there, then try again."
            raise UsageProblem("signer-port", sentence) from problem
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def url(self) -> str:
        """The address to open, with its secret."""
        return f"{self.origin}/{self.secret}/"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def wait(self, seconds: float = SECONDS) -> Mapping[str, Any]:
        """Return what the last step said; raises ClientError (`signer-timeout`) when nobody signed in time."""
        done = self._ended.wait(seconds)
        time.sleep(0.2 if done else 0)  # the page still gets its answer
        self.close()
        if self.result is None:
            raise ClientError("signer-timeout", "Nobody signed in time, and the page is closed. Start it again.")
        return self.result

    def close(self) -> None:
        """Stop serving."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def take(self, name: str, answer: Answer) -> Mapping[str, Any]:
        """Do one step; only one at a time, and none after the last."""
        with self._lock:
            if self._ended.is_set():
                raise ClientError("signer-used", "This page has done what it was for. Start a new one.")
            said = self.steps[name](answer)
            if "done" in said:
                self.result = said
                self._ended.set()
            return said


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], page: SignerPage) -> None:
        super().__init__(address, _Handler)
        self.page = page


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "safeconduct"
    sys_version = ""

    def do_GET(self) -> None:
        """Serve the page and its two files."""
        name = self._name()
        if name == "":
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page.html.encode())
        elif name == "signer.js":
            self._send(HTTPStatus.OK, "text/javascript", (_STATIC / name).read_bytes())
        elif name == "signer.css":
            self._send(HTTPStatus.OK, "text/css", (_STATIC / name).read_bytes())
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not here\n")

    def do_POST(self) -> None:
        """Take one step's answer from our own page."""
        name, length = self._name(), self.headers.get("Content-Length", "")
        if name is None or name not in self.server.page.steps or self.headers.get("Origin") != self.server.page.origin:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not here\n")
        elif not length.isascii() or not length.isdigit() or int(length) > ANSWER_BYTES:
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text/plain", b"too large\n")
        else:
            self._step(name, self.rfile.read(int(length)))

    def _step(self, name: str, untrusted: bytes) -> None:
        try:
            said = self.server.page.take(name, parse_object(untrusted, ANSWER_BYTES))
            self._send(HTTPStatus.OK, "application/json", json.dumps(said).encode())
        except SafeconductError as refusal:
            problem = json.dumps({"code": refusal.code, "sentence": refusal.sentence}).encode()
            self._send(HTTPStatus.UNPROCESSABLE_ENTITY, "application/json", problem)

    def _name(self) -> str | None:
        """Return what is asked for behind the secret, or None for whoever does not know it."""
        host = self.server.page.origin.partition("://")[2]
        _, _, rest = self.path.partition("/")
        secret, slash, name = rest.partition("/")
        known = hmac.compare_digest(secret.encode(), self.server.page.secret.encode())
        return name if known and slash and self.headers.get("Host") == host else None

    def _send(self, status: HTTPStatus, media_type: str, body: bytes) -> None:
        self.send_response(status)
        for header, value in {**_HEADERS, "Content-Type": media_type, "Content-Length": str(len(body))}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        """Say nothing: addresses hold the secret."""


def _port(page: PasskeyOrigin) -> int:
    scheme, _, place = page.origin.partition("://")
    host, _, port = place.partition(":")
    if scheme != "http" or host != "localhost" or page.registry_page:
        raise UsageProblem("signer-origin", f"{page.origin} is no page of this machine; name http://localhost:PORT.")
    return int(port or 80)


def own_page(pages: tuple[PasskeyOrigin, ...]) -> PasskeyOrigin:
    """Return the first page of a trust root that this machine may serve."""
    for page in pages:
        if page.origin.startswith("http://localhost") and not page.registry_page:
            return page
    sentence = "Your trust root lets no passkey sign on this machine. Ask its holder to add http://localhost:8765."
    raise UsageProblem("signer-origin", sentence)
