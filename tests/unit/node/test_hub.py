"""The registry as a node sees it: which answers are worth another try, and that nothing of them is believed."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from factory import private_key

from protocol.crypto.assertion import check_assertion
from protocol.errors import SafeconductError
from sandbox.errors import Refused, RegistryDeclined, Unreachable
from sandbox.hub.registry import Courier, Registry

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
KEY = private_key("node-fi")
Answer = Callable[[httpx.Request], httpx.Response]


@contextmanager
def registry(answer: Answer, tokens: list[str] | None = None) -> Iterator[Registry]:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            (tokens if tokens is not None else []).append(request.content.decode())
            return httpx.Response(200, json={"access_token": f"t{len(tokens or [])}", "expires_in": 600})
        return answer(request)

    courier = Courier(url="http://registry.test", node="node-fi", key=KEY)
    with closing(Registry(courier, now=lambda: NOW, transport=httpx.MockTransport(handle))) as made:
        yield made


def says(status: int, **json_body: Any) -> Answer:
    return lambda _: httpx.Response(status, json=json_body)


def test_node_logs_in_by_signing_for_this_registry() -> None:
    tokens: list[str] = []
    with registry(says(200), tokens) as hub:
        hub.tell_progress("a" * 64, "received")
        hub.tell_progress("a" * 64, "verified")
    assert len(tokens) == 1
    form = dict(httpx.QueryParams(tokens[0]))
    assertion = check_assertion(form["client_assertion"], [KEY.public], "http://registry.test", NOW)
    assert (assertion.client_id, form["grant_type"]) == ("node-fi", "client_credentials")


def test_token_that_is_no_longer_taken_is_renewed_once() -> None:
    tokens: list[str] = []
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(401 if len(seen) == 1 else 200, json={})

    with registry(answer, tokens) as hub:
        hub.send_receipt(b"{}")
    assert seen == ["Bearer t1", "Bearer t2"]


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408, 401])
def test_registry_that_cannot_now_is_asked_again_later(status: int) -> None:
    with registry(says(status, code="busy")) as hub, pytest.raises(Unreachable):
        hub.send_receipt(b"{}")


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 422])
def test_registry_that_will_not_is_not_asked_again(status: int) -> None:
    with registry(says(status, code="receipt-taken")) as hub, pytest.raises(RegistryDeclined) as caught:
        hub.send_receipt(b"{}")
    assert caught.value.code == "receipt-taken"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"code": "Not A Code"}', b'{"code": 7}', b"<html>"])
def test_code_that_is_none_is_not_repeated(body: bytes) -> None:
    with registry(lambda _: httpx.Response(409, content=body)) as hub, pytest.raises(RegistryDeclined) as caught:
        hub.send_receipt(b"{}")
    assert caught.value.code in {"no-code", "7"}


def test_silence_is_unreachable() -> None:
    def silent(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with registry(silent) as hub, pytest.raises(Unreachable) as caught:
        hub.wait_for_orders(1)
    assert caught.value.code == "registry-unreachable"


@pytest.mark.parametrize("said", [{}, {"orders": {}, "ids": [], "statuses": []}, {"orders": [], "ids": []}])
def test_list_of_orders_that_is_none_is_not_an_empty_one(said: dict[str, Any]) -> None:
    with registry(says(200, **said)) as hub, pytest.raises(Unreachable) as caught:
        hub.wait_for_orders(1)
    assert caught.value.code == "registry-answer"


def test_orders_come_with_the_names_that_the_registry_gives_them() -> None:
    with registry(says(200, orders=[{"order": "ä"}], ids=["x"], statuses=["s"])) as hub:
        handed = hub.wait_for_orders(1)
    assert [(name, json.loads(raw)) for name, raw in handed.orders] == [("x", {"order": "ä"})]
    assert handed.statuses == (b"s",)


def test_download_goes_on_from_an_offset() -> None:
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("Range"))
        return httpx.Response(206, stream=httpx.ByteStream(b"rest"))

    with registry(answer) as hub:
        assert b"".join(hub.image_chunks("a" * 64, 10)) == b"rest"
    assert asked == ["bytes=10-"]


@pytest.mark.parametrize(
    ("status", "offset", "kind"),
    [(404, 0, Refused), (404, 10, Refused), (200, 10, Unreachable), (503, 0, Unreachable), (403, 0, RegistryDeclined)],
)
def test_download_that_is_not_to_be_had(status: int, offset: int, kind: type[SafeconductError]) -> None:
    with registry(says(status)) as hub, pytest.raises(kind):
        list(hub.image_chunks("a" * 64, offset))


def test_node_that_is_not_let_in_tries_again_and_drops_nothing() -> None:
    """The registry says 401 while the node's clock is off: that is no word about the receipt."""
    courier = Courier(url="http://registry.test", node="node-fi", key=KEY)
    refusing = httpx.MockTransport(lambda _: httpx.Response(400, json={"code": "assertion-time"}))
    with closing(Registry(courier, now=lambda: NOW, transport=refusing)) as hub, pytest.raises(Unreachable) as caught:
        hub.send_receipt(b"{}")
    assert caught.value.code == "registry-login"


def test_archive_that_would_unpack_itself_is_asked_for_plain() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["Accept-Encoding"])
        return httpx.Response(200, stream=httpx.ByteStream(b""))

    with registry(answer) as hub:
        list(hub.image_chunks("a" * 64, 0))
    assert asked == ["identity"]


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"ids":[],"ids":[],"orders":[],"statuses":[]}', b'{"orders":[],"ids":[],"statuses":[]}{}'],
)
def test_answer_that_is_not_strict_json_is_no_answer(body: bytes) -> None:
    with registry(lambda _: httpx.Response(200, content=body)) as hub, pytest.raises(Unreachable) as caught:
        hub.wait_for_orders(1)
    assert caught.value.code == "registry-answer"


def test_answer_that_is_longer_than_an_honest_one_is_not_read_to_its_end() -> None:
    from sandbox.hub.registry import ANSWER_BYTES

    body = b"x" * (ANSWER_BYTES + 1)
    with registry(lambda _: httpx.Response(200, content=body)) as hub, pytest.raises(Unreachable) as caught:
        hub.document("a" * 64)
    assert caught.value.code == "registry-answer-size"


def test_receipts_that_the_registry_keeps_are_fetched_page_by_page() -> None:
    pages = {
        "0": {"orders": [{"order": "a", "receipt": "x"}, {"order": "b", "receipt": None}], "next": 2},
        "2": {"orders": [{"order": "../c", "receipt": "y"}], "next": None},
    }
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        if request.url.path.endswith("/orders"):
            return httpx.Response(200, json=pages[request.url.params["after"]])
        return httpx.Response(200, content=request.url.raw_path)

    with registry(answer) as hub:
        assert len(list(hub.kept_receipts())) == 2
    assert "/api/v1/orders/..%2Fc/receipt" in asked


@pytest.mark.parametrize("orders", [None, 1, "x", [1], [[]]], ids=str)
def test_list_of_kept_receipts_that_is_malformed_ends_the_fetching(orders: Any) -> None:
    with registry(says(200, orders=orders, next=1)) as hub, pytest.raises(Unreachable) as caught:
        list(hub.kept_receipts())
    assert caught.value.code == "registry-answer"


def test_list_that_never_ends_does_not_hold_the_node() -> None:
    with registry(says(200, orders=[], next=1)) as hub:
        assert list(hub.kept_receipts()) == []
