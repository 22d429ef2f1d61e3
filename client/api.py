"""The registry, seen from a researcher's or a committee's desk: HTTP in, typed errors out.

The registry is a courier. Nothing that it answers is believed here because it answered it: documents are verified
by `protocol`, receipts and releases by `client.results`. Machines identify themselves by a signed assertion
(RFC 7523) and get a short-lived token; problem documents (RFC 9457) become the errors of `client.errors`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import httpx

from client.errors import ClientError, Conflict, NotAuthorised, Unreachable, UsageProblem
from protocol.crypto.assertion import make_assertion
from protocol.crypto.keys import PrivateKey
from protocol.errors import Refused, SafeconductError

PREFIX: Final = "/api/v1"
ATTEMPTS: Final = 4
FIRST_PAUSE_SECONDS: Final = 0.2
TIMEOUT_SECONDS: Final = 40.0
ENVELOPE: Final = "application/vnd.dsse.envelope.v1+json"
PIECE_BYTES: Final = 4 * 1024 * 1024
GRANT: Final = "client_credentials"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_RETRIED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.RemoteProtocolError, httpx.ReadError)

Progress = Callable[[int, int], None]


class RegistryClient:
    """One registry, and who is asking. Without a key only public pages can be read."""

    def __init__(
        self,
        url: str,
        *,
        person: str | None = None,
        key: PrivateKey | None = None,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise UsageProblem("registry-address", f"{url!r} is not an http or https address; correct the registry.")
        self.url = url.rstrip("/")
        self._person, self._key, self._pause = person, key, pause
        self._token: tuple[str, float] | None = None
        self._http = httpx.Client(base_url=self.url, transport=transport, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Documents ------------------------------------------------------------------------------------------------

    def publish(self, kind: str, envelope: bytes) -> str:
        """Send a signed document (`accreditations`, `rosters`, `statuses`, `algorithms`, `approvals`, `orders`)
        and return its digest. Sending the same bytes again is no error."""
        return self._publish(f"/{kind}", envelope)

    def hand_order_to(self, node: str, envelope: bytes) -> str:
        """Send an order to a node that it may not be addressed to: the way to see that node refuse it."""
        return self._publish("/orders", envelope, params={"node": node})

    def document(self, digest: str) -> bytes:
        """Return the exact bytes of a document."""
        return self._send("GET", f"/documents/{digest}").content

    def accreditation(self, subject: str) -> bytes:
        """Return the newest accreditation of a person or a node."""
        return self._send("GET", f"/accreditations/{subject}").content

    def statuses(self) -> list[bytes]:
        """Return each office's newest status."""
        return [text.encode() for text in self._send("GET", "/statuses").json()["statuses"]]

    def listing(self, kind: str) -> list[dict[str, Any]]:
        """Return a whole list, page by page: `algorithms`, `reviews`, `nodes`, `datasets`, `orders`."""
        found: list[dict[str, Any]] = []
        after: int | str | None = None
        while True:
            page = self._send("GET", f"/{kind}", params={} if after is None else {"after": after}).json()
            found += page[kind]
            after = page["next"]
            if after is None:
                return found

    def _publish(self, path: str, envelope: bytes, **more: Any) -> str:
        answer = self._send("POST", path, content=envelope, headers={"Content-Type": ENVELOPE}, **more)
        return str(answer.json()["digest"])

    # Images ---------------------------------------------------------------------------------------------------

    def upload_image(self, archive: Path, digest: str, progress: Progress | None = None) -> None:
        """Send an image archive from where the registry's copy ends; a broken upload goes on, not back."""
        size = archive.stat().st_size
        offset = self._image_offset(digest)
        with archive.open("rb") as stream:
            while offset < size:
                stream.seek(offset)
                piece = stream.read(PIECE_BYTES)
                offset = self._append(digest, offset, size, piece)
                if progress:
                    progress(offset, size)

    def _image_offset(self, digest: str) -> int:
        answer = self._try("HEAD", f"/images/{digest}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return 0
        _check(answer, self.url)
        return int(answer.headers.get("Upload-Offset", "0"))

    def _append(self, digest: str, offset: int, size: int, piece: bytes) -> int:
        headers = {
            "Upload-Offset": str(offset),
            "Upload-Length": str(size),
            "Content-Type": "application/octet-stream",
        }
        answer = self._send("PATCH", f"/images/{digest}", content=piece, headers=headers)
        return int(answer.headers.get("Upload-Offset", offset + len(piece)))

    # Jobs -----------------------------------------------------------------------------------------------------

    def order(self, order_id: str) -> dict[str, Any]:
        """Return what the registry says about an order: its state and the digests of what came back."""
        return dict(self._send("GET", f"/orders/{order_id}").json())

    def receipt(self, order_id: str) -> bytes:
        """Return the node's receipt as it was sent."""
        return self._send("GET", f"/orders/{order_id}/receipt").content

    def release(self, order_id: str) -> bytes:
        """Return the encrypted release as it was sent."""
        return self._send("GET", f"/orders/{order_id}/release").content

    def export_log(self, out: BinaryIO) -> None:
        """Write the registry's whole transparency log to a stream, as it comes."""
        try:
            with self._http.stream("GET", f"{PREFIX}/log/export") as answer:
                if not answer.is_success:
                    answer.read()
                _check(answer, self.url)
                for chunk in answer.iter_bytes():
                    out.write(chunk)
        except httpx.HTTPError as problem:
            raise _unreachable(self.url, problem) from problem

    def health(self) -> dict[str, Any]:
        """Return the registry's word on its own health."""
        answer = self._try("GET", f"{self.url}/healthz", absolute=True)
        _check(answer, self.url)
        return dict(answer.json())

    # The wire -------------------------------------------------------------------------------------------------

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = self._try(method, path, **more)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._key is not None:
            self._token = None
            answer = self._try(method, path, **more)
        _check(answer, self.url)
        return answer

    def _try(self, method: str, path: str, *, absolute: bool = False, **more: Any) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if self._key is not None and not absolute and path != "/token":
            headers["Authorization"] = f"Bearer {self._bearer()}"
        target = path if absolute else f"{PREFIX}{path}"
        for pause in _pauses():
            try:
                return self._http.request(method, target, headers=headers, **more)
            except _RETRIED as problem:
                if pause is None:
                    raise _unreachable(self.url, problem) from problem
                self._pause(pause)
            except httpx.HTTPError as problem:
                raise _unreachable(self.url, problem) from problem
        raise RuntimeError("the last attempt either returns or raises")

    def _bearer(self) -> str:
        if self._token is None or self._token[1] < time.monotonic():
            self._token = self._fetch_token()
        return self._token[0]

    def _fetch_token(self) -> tuple[str, float]:
        if self._person is None or self._key is None:
            raise RuntimeError("a token needs a person and a key")
        assertion = make_assertion(self._key, self._person, self.url, datetime.now(UTC))
        form = {"grant_type": GRANT, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        answer = self._try("POST", "/token", data={**form, "client_id": self._person})
        _check(answer, self.url)
        found = answer.json()
        return str(found["access_token"]), time.monotonic() + 0.8 * float(found["expires_in"])


def _pauses() -> Iterator[float | None]:
    for attempt in range(ATTEMPTS - 1):
        yield FIRST_PAUSE_SECONDS * 2.0**attempt
    yield None


def _unreachable(url: str, problem: Exception) -> Unreachable:
    reason = str(problem) or type(problem).__name__
    return Unreachable(
        "registry-unreachable",
        f"The registry at {url} does not answer ({reason}). Check the address and that it runs, then try again.",
    )


def _check(answer: httpx.Response, url: str) -> None:
    if answer.is_success:
        return
    code, sentence = _problem(answer, url)
    raise _kind(answer.status_code)(code, sentence)


def _kind(status: int) -> type[SafeconductError]:
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return NotAuthorised
    if status == httpx.codes.CONFLICT:
        return Conflict
    if status == httpx.codes.UNPROCESSABLE_ENTITY:
        return Refused
    if status in (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT):
        return Unreachable
    return ClientError


def _problem(answer: httpx.Response, url: str) -> tuple[str, str]:
    try:
        found = answer.json()
    except ValueError:
        found = {}
    if not isinstance(found, dict):
        found = {}
    code = str(found.get("code") or f"http-{answer.status_code}")
    detail = found.get("detail") or found.get("title")
    sentence = str(detail) if isinstance(detail, str) else f"The registry at {url} answered {answer.status_code}."
    return code, sentence
