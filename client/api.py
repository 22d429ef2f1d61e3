"""The registry, seen from a researcher's or a committee's desk: HTTP in, typed errors out.

The registry is a courier. Nothing that it answers is believed here because it answered it: documents are verified
by `protocol`, receipts and releases by `client.results`. Machines identify themselves by a signed assertion
(RFC 7523) and get a short-lived token; problem documents (RFC 9457) become the errors of `client.errors`. An answer
that is longer than an honest one can be, or that is not the strict JSON that it should be, is an error with a code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import httpx

from client.errors import ClientError, Conflict, NotAuthorised, Unreachable, UsageProblem
from protocol.crypto.assertion import make_assertion
from protocol.crypto.keys import PrivateKey
from protocol.documents import limits
from protocol.documents.strict import parse_object
from protocol.errors import Refused, SafeconductError

PREFIX: Final = "/api/v1"
ATTEMPTS: Final = 4
_PAUSES: Final = (*(0.2 * 2.0**attempt for attempt in range(ATTEMPTS - 1)), None)
TIMEOUT_SECONDS: Final = 40.0
ENVELOPE: Final = "application/vnd.dsse.envelope.v1+json"
PIECE_BYTES: Final = 4 * 1024 * 1024
ANSWER_BYTES: Final = 16 * limits.DOCUMENT_BYTES  # a release included; only the log is longer, and goes to a file
PAGES: Final = 10_000  # a list that has more never ends
GRANT: Final = "client_credentials"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_KEPT: Final = ("Content-Type", "Upload-Offset")
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

    def ask(self, algorithm: str, asked: Mapping[str, Any]) -> None:
        """Ask committees, as the algorithm's author: project, persons, committees, conditions, purpose."""
        self._send("POST", f"/reviews/{algorithm}/requests", json=asked)

    def prepared(self, code: str, kind: str = "decisions") -> dict[str, Any]:
        """Return what a code fetches to be signed, with what it rests on: from `decisions` or `order-drafts`."""
        return _object(self._send("GET", f"/{kind}/{code}"))

    def accreditation(self, subject: str) -> bytes:
        """Return the newest accreditation of a person or a node."""
        return self._send("GET", f"/accreditations/{subject}").content

    def statuses(self) -> list[bytes]:
        """Return each office's newest status."""
        return [str(text).encode() for text in _items(self._send("GET", "/statuses"), "statuses")]

    def listing(self, kind: str) -> list[dict[str, Any]]:
        """Return a whole list, page by page: `algorithms`, `reviews`, `nodes`, `datasets`, `orders`."""
        found: list[dict[str, Any]] = []
        after: int | str | None = None
        for _ in range(PAGES):
            answer = self._send("GET", f"/{kind}", params={} if after is None else {"after": after})
            found += _items(answer, kind)
            after = _object(answer).get("next")
            if after is None:
                return found
        raise ClientError("registry-answer-size", f"The registry's list of {kind} does not end; ask its operator.")

    def _publish(self, path: str, envelope: bytes, **more: Any) -> str:
        answer = self._send("POST", path, content=envelope, headers={"Content-Type": ENVELOPE}, **more)
        return str(_member(answer, "digest"))

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
        headers = {"Upload-Offset": str(offset), "Upload-Length": str(size), "Content-Type": "application/octet-stream"}
        answer = self._send("PATCH", f"/images/{digest}", content=piece, headers=headers)
        return int(answer.headers.get("Upload-Offset", offset + len(piece)))

    # Jobs -----------------------------------------------------------------------------------------------------

    def order(self, order_id: str) -> dict[str, Any]:
        """Return what the registry says about an order: its state and the digests of what came back."""
        return _object(self._send("GET", f"/orders/{order_id}"))

    def receipt(self, order_id: str) -> bytes:
        """Return the node's receipt as it was sent."""
        return self._send("GET", f"/orders/{order_id}/receipt").content

    def release(self, order_id: str) -> bytes:
        """Return the encrypted release as it was sent."""
        return self._send("GET", f"/orders/{order_id}/release").content

    def invitation(self) -> dict[str, Any]:
        """Return an address, good once, at which the caller registers a passkey for the registry's pages."""
        return _object(self._send("POST", "/invitations"))

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
        return _object(answer)

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
        for pause in _PAUSES:
            try:
                return self._read(method, target, headers=headers, **more)
            except _RETRIED as problem:
                if pause is None:
                    raise _unreachable(self.url, problem) from problem
                self._pause(pause)
            except httpx.HTTPError as problem:
                raise _unreachable(self.url, problem) from problem
        raise RuntimeError("the last attempt either returns or raises")

    def _read(self, method: str, target: str, **more: Any) -> httpx.Response:
        """Ask, and read at most `ANSWER_BYTES` of the answer; what was packed unasked may be a bomb."""
        more["headers"] = more["headers"] | {"Accept-Encoding": "identity"}
        with self._http.stream(method, target, **more) as answer:
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise _odd(answer)
            content = bytearray()
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > ANSWER_BYTES:
                    sentence = (
                        f"The registry at {self.url} answered with more than {ANSWER_BYTES} bytes; do not trust it."
                    )
                    raise ClientError("registry-answer-size", sentence)
        kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        return httpx.Response(answer.status_code, headers=kept, content=bytes(content), request=answer.request)

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
        token, seconds = _member(answer, "access_token"), _member(answer, "expires_in")
        if not (isinstance(token, str) and token.isascii() and token.isprintable() and isinstance(seconds, int)):
            raise _odd(answer)
        return token, time.monotonic() + 0.8 * seconds


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        return dict(parse_object(answer.content, ANSWER_BYTES))
    except Refused as refused:
        raise _odd(answer) from refused


def _member(answer: httpx.Response, name: str) -> Any:
    found = _object(answer)
    if name not in found:
        raise _odd(answer)
    return found[name]


def _items(answer: httpx.Response, name: str) -> list[Any]:
    found = _member(answer, name)
    if not isinstance(found, list):
        raise _odd(answer)
    return found


def _odd(answer: httpx.Response) -> ClientError:
    sentence = f"The registry's answer to {answer.request.url.path} is not what it should be; ask its operator."
    return ClientError("registry-answer", sentence)


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
        found = dict(parse_object(answer.content, ANSWER_BYTES))
    except Refused:
        found = {}
    code = str(found.get("code") or f"http-{answer.status_code}")
    detail = found.get("detail") or found.get("title")
    sentence = str(detail) if isinstance(detail, str) else f"The registry at {url} answered {answer.status_code}."
    return code, sentence
