"""The registry, seen from a node: a courier that is asked for orders and given answers.

Nothing that it says is believed because it says so: orders are verified by their signatures, images by their digest.
The node dials out; nothing dials in. Every failure to reach it is `Unreachable`, to be tried again later. So is every
answer that is longer than an honest one can be, or that is not strict JSON: neither fills this node's memory nor ends
its loops.
"""

import datetime as dt
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from protocol.crypto.assertion import make_assertion
from protocol.crypto.encoding import decode_base64
from protocol.crypto.keys import PrivateKey
from protocol.documents import limits
from protocol.documents.strict import Json, parse_object
from sandbox.errors import Refused, RegistryDeclined, Unreachable

PREFIX = "/api/v1"
TIMEOUT_SECONDS = 20.0
RENEW_BEFORE_SECONDS = 30.0
ANSWER_BYTES = 2 * limits.DOCUMENT_BYTES
ORDERS_PER_ANSWER = 20
ORDERS_BYTES = ORDERS_PER_ANSWER * limits.BUNDLE_BYTES + 16 * ANSWER_BYTES  # bundles, and every office's status
GRANT = "client_credentials"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_JSON_BODY = {"Content-Type": "application/json"}
_BYTES_BODY = {"Content-Type": "application/octet-stream"}
_CODE = re.compile(r"[a-z0-9-]{1,100}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_LATER = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """Where the registry is, and as whom this node speaks to it."""

    url: str
    node: str
    key: PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What the registry hands over at one poll: orders by the ids it gives them, and the offices' newest statuses."""

    orders: tuple[tuple[str, bytes], ...]
    statuses: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalTask:
    """What the registry would have rehearsed: a version, on a twin of the entry with this digest. Untrusted."""

    algorithm: str
    dataset: str
    entry: str


class Registry:
    """One connection to the registry. Not shared between threads or processes: each makes its own."""

    def __init__(
        self, courier: Courier, *, now: Callable[[], dt.datetime], transport: httpx.BaseTransport | None = None
    ) -> None:
        self._courier = courier
        self._now = now
        self._token = ""
        self._token_until = 0.0
        self._http = httpx.Client(base_url=courier.url, timeout=TIMEOUT_SECONDS, transport=transport)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def wait_for_orders(self, seconds: float) -> Handed:
        """Wait for orders to this node; everything in the answer is untrusted."""
        answer = self._send(
            "GET",
            f"/nodes/{self._courier.node}/orders",
            params={"wait": str(int(seconds))},
            timeout=seconds + TIMEOUT_SECONDS,
            limit=ORDERS_BYTES,
        )
        said = _json(answer, ORDERS_BYTES)
        orders, ids, statuses = (said.get(name) for name in ("orders", "ids", "statuses"))
        if not (isinstance(orders, list) and isinstance(ids, list) and isinstance(statuses, list)):
            raise Unreachable("registry-answer", "The registry's list of orders is malformed.")
        bundles = tuple(json.dumps(bundle, ensure_ascii=False).encode() for bundle in orders)
        return Handed(
            orders=tuple(zip((str(one) for one in ids), bundles, strict=False)),
            statuses=tuple(str(one).encode() for one in statuses),
        )

    def publish_catalogue(self, entries: list[dict[str, object]]) -> None:
        """Say what datasets this node offers: public facts only."""
        self._send("PUT", f"/nodes/{self._courier.node}/catalogue", json={"datasets": entries})

    def publish_budgets(self, budgets: list[dict[str, object]]) -> None:
        """Say what is left of each dataset's budget, for whoever decides on what is to run."""
        self._send("PUT", f"/nodes/{self._courier.node}/budgets", json={"budgets": budgets})

    def tell_progress(self, order: str, state: str) -> None:
        """Say how far an order is: a courtesy to the researcher, never evidence."""
        self._send("POST", f"/nodes/{self._courier.node}/progress", json={"order": order, "state": state})

    def send_receipt(self, receipt: bytes) -> None:
        """Hand over a signed receipt; returns when the registry has it."""
        self._send("POST", f"/nodes/{self._courier.node}/receipts", content=receipt, headers=_JSON_BODY)

    def kept_receipts(self) -> Iterator[bytes]:
        """Fetch the untrusted receipts of this node that the registry keeps, the oldest first."""
        after: Json = 0
        while after is not None:
            page = _json(self._send("GET", "/orders", params={"after": str(after)}))
            orders = page.get("orders")
            if not isinstance(orders, list) or not all(isinstance(one, dict) for one in orders):
                raise Unreachable("registry-answer", "The registry's list of orders is malformed.")
            for one in orders:
                if isinstance(one, dict) and one.get("receipt"):
                    yield self._send("GET", f"/orders/{quote(str(one.get('order')), safe='')}/receipt").content
            after = page.get("next") if orders else None

    def send_release(self, order: str, ciphertext: bytes) -> None:
        """Hand over an encrypted release; returns when the registry has it."""
        self._send("PUT", f"/nodes/{self._courier.node}/releases/{order}", content=ciphertext, headers=_BYTES_BODY)

    def document(self, digest: str) -> bytes:
        """Fetch the untrusted bytes of a signed document."""
        return self._send("GET", f"/documents/{digest}").content

    def accreditation(self) -> bytes:
        """Fetch the untrusted bytes of this node's newest accreditation."""
        return self._send("GET", f"/accreditations/{self._courier.node}").content

    def rehearsals(self) -> tuple[RehearsalTask, ...]:
        """Ask what waits for a rehearsal by this node."""
        tasks = _json(self._send("GET", f"/nodes/{self._courier.node}/rehearsals")).get("rehearsals")
        return tuple(_task(one) for one in (tasks if isinstance(tasks, list) else [None]))

    def catalogue_entry(self, digest: str) -> dict[str, Json]:
        """Fetch the untrusted catalogue entry with this digest."""
        return _json(self._send("GET", f"/datasets/{digest}"))

    def send_rehearsal(self, report: bytes) -> None:
        """Hand over the signed report of a rehearsal; returns when the registry has it."""
        self._send("POST", "/rehearsals", content=report, headers=_JSON_BODY)

    def log_checkpoint(self) -> str:
        """Fetch the untrusted checkpoint of the registry's log."""
        return _text(self._send("GET", "/log/checkpoint"))

    def log_consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Fetch the untrusted proof that the log of `new` entries continues the one of `old`."""
        steps = _json(self._send("GET", "/log/consistency", params={"from": str(old), "to": str(new)})).get("proof")
        if not isinstance(steps, list):
            raise Unreachable("registry-answer", "The registry's consistency proof is malformed.")
        try:
            return tuple(decode_base64(str(step)) for step in steps)
        except Refused as refused:
            raise Unreachable("registry-answer", "The registry's consistency proof is malformed.") from refused

    def log_inclusion(self, digest: str, size: int) -> str:
        """Fetch the untrusted proof that the log of `size` entries holds a document."""
        return _text(self._send("GET", "/log/inclusion", params={"digest": digest, "size": str(size)}))

    def image_chunks(self, digest: str, offset: int) -> Iterator[bytes]:
        """Stream an image archive from an offset on, nothing if it ends there.

        Raises Refused (`image-missing`) if the registry does not have it.
        """
        headers = self._authorisation() | {"Accept-Encoding": "identity"}  # bytes that unpack themselves are a bomb
        if offset:
            headers["Range"] = f"bytes={offset}-"
        with _translated(), self._http.stream("GET", f"{PREFIX}/images/{digest}", headers=headers) as answer:
            if answer.status_code == httpx.codes.NOT_FOUND:
                raise Refused("image-missing", "The registry does not have the image of this algorithm; upload it.")
            if offset and answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # all of it is here already: the worker that fetched it had no time left to look at it
            if not answer.is_success:
                answer.read()
            _check(answer)
            if offset and answer.status_code != httpx.codes.PARTIAL_CONTENT:
                raise Unreachable("registry-answer", "The registry cannot continue a download.")
            yield from answer.iter_raw()

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = options.pop("headers", {})
        answer = self._request(method, PREFIX + path, headers=headers | self._authorisation(), **options)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token = ""
            answer = self._request(method, PREFIX + path, headers=headers | self._authorisation(), **options)
        _check(answer)
        return answer

    def _authorisation(self) -> dict[str, str]:
        if not self._token or time.monotonic() > self._token_until:
            self._log_in()
        return {"Authorization": f"Bearer {self._token}"}

    def _log_in(self) -> None:
        """Get a token by signing an assertion (RFC 7523): the node's key never travels."""
        audience = self._courier.url.rstrip("/")
        assertion = make_assertion(self._courier.key, self._courier.node, audience, self._now())
        form = {
            "grant_type": GRANT,
            "client_id": self._courier.node,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        answer = self._request("POST", f"{PREFIX}/token", data=form)
        if not answer.is_success:  # that says nothing about what was to be sent: a clock may be off, or a status late
            code = _problem_code(answer)
            raise Unreachable("registry-login", f"The registry does not let this node in ({code}); trying again.")
        token = _json(answer)
        text, seconds = token.get("access_token"), token.get("expires_in")
        if not (isinstance(text, str) and _TOKEN.fullmatch(text) and isinstance(seconds, int)):
            raise Unreachable("registry-answer", "The registry's token is malformed.")
        self._token, self._token_until = text, time.monotonic() + seconds - RENEW_BEFORE_SECONDS

    def _request(self, method: str, path: str, *, limit: int = ANSWER_BYTES, **options: Any) -> httpx.Response:
        """Ask, and read at most `limit` bytes of the answer; what was packed unasked may be a bomb."""
        options["headers"] = options.get("headers", {}) | {"Accept-Encoding": "identity"}
        with _translated(), self._http.stream(method, path, **options) as answer:
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise Unreachable("registry-answer", "The registry's answer is packed, which was not asked for.")
            content = bytearray()
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > limit:
                    sentence = f"The registry's answer is longer than {limit} bytes; ask its operator."
                    raise Unreachable("registry-answer-size", sentence)
        return httpx.Response(answer.status_code, content=bytes(content), request=answer.request)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        kind = type(error).__name__
        raise Unreachable("registry-unreachable", f"The registry does not answer ({kind}); trying again.") from error


def _check(answer: httpx.Response) -> None:
    """Tell a registry that will not take this from one that cannot now: only the second is worth another try."""
    if answer.is_success:
        return
    code = _problem_code(answer)
    if answer.is_server_error or answer.status_code in _LATER:
        raise Unreachable("registry-unavailable", f"The registry answered {answer.status_code} ({code}).")
    raise RegistryDeclined(code, f"The registry did not take what this node sent: {answer.status_code} ({code}).")


def _problem_code(answer: httpx.Response) -> str:
    try:
        code = str(parse_object(answer.content)["code"])
    except (Refused, KeyError):
        return "no-code"
    return code if _CODE.fullmatch(code) else "no-code"


def _task(untrusted: Json) -> RehearsalTask:
    found = untrusted if isinstance(untrusted, dict) else {}
    algorithm, dataset, entry = (str(found.get(name)) for name in ("algorithm", "dataset", "entry"))
    if not (_DIGEST.fullmatch(algorithm) and _DIGEST.fullmatch(entry)):
        raise Unreachable("registry-answer", "The registry's list of rehearsals is malformed.")
    return RehearsalTask(algorithm=algorithm, dataset=dataset[:100], entry=entry)


def _text(answer: httpx.Response) -> str:
    try:
        return answer.content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreachable("registry-answer", "The registry's answer is not the text that it should be.") from error


def _json(answer: httpx.Response, limit: int = ANSWER_BYTES) -> dict[str, Json]:
    try:
        return parse_object(answer.content, limit)
    except Refused as refused:
        sentence = f"The registry's answer is not the JSON object that it should be. {refused.sentence}"
        raise Unreachable("registry-answer", sentence) from refused
