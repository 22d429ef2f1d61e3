"""The registry client: typed errors, patience with a registry that comes back, uploads that go on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from client.api import ATTEMPTS, PIECE_BYTES, RegistryClient
from client.errors import ClientError, Conflict, NotAuthorised, Unreachable, UsageProblem, exit_code
from protocol.crypto.keys import PrivateKey
from protocol.errors import Refused, SafeconductError

Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler, **more: object) -> RegistryClient:
    return RegistryClient(
        "http://registry",
        transport=httpx.MockTransport(handler),
        pause=lambda _: None,
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, NotAuthorised, 4),
        (403, NotAuthorised, 4),
        (404, ClientError, 1),
        (409, Conflict, 3),
        (422, Refused, 5),
        (500, ClientError, 1),
        (503, Unreachable, 7),
    ],
)
def test_problem_becomes_an_error_with_the_registry_s_own_code(
    status: int, kind: type[SafeconductError], code: int
) -> None:
    problem = {"code": "some-code", "detail": "What happened and what to do."}

    with pytest.raises(SafeconductError) as refused:
        client(lambda _: httpx.Response(status, json=problem)).document("00")

    assert type(refused.value) is kind
    assert (refused.value.code, refused.value.sentence) == ("some-code", "What happened and what to do.")
    assert exit_code(refused.value) == code


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"code": 3}', b""])
def test_answer_that_is_no_problem_document_is_still_explained(body: bytes) -> None:
    with pytest.raises(SafeconductError) as refused:
        client(lambda _: httpx.Response(502, content=body)).document("00")

    assert "502" in refused.value.sentence or refused.value.code == "3"


def test_registry_that_does_not_answer_is_unreachable_after_some_attempts() -> None:
    tries: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        raise httpx.ConnectError("Connection refused")

    with pytest.raises(Unreachable) as refused:
        client(refuse).document("00")

    assert len(tries) == ATTEMPTS
    assert refused.value.code == "registry-unreachable"
    assert "http://registry" in refused.value.sentence


def test_registry_that_comes_back_is_not_noticed() -> None:
    answers = iter([httpx.ConnectError("down"), httpx.ReadError("broke"), httpx.Response(200, content=b"document")])

    def answer(_: httpx.Request) -> httpx.Response:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    assert client(answer).document("00") == b"document"


@pytest.mark.parametrize("address", ["registry.example", "ftp://registry.example", ""])
def test_address_that_is_no_web_address_is_refused(address: str) -> None:
    with pytest.raises(UsageProblem):
        RegistryClient(address)


def test_list_is_read_to_its_last_page() -> None:
    pages = {None: (["a", "b"], 2), "2": (["c"], None)}

    def answer(request: httpx.Request) -> httpx.Response:
        items, following = pages[request.url.params.get("after")]
        return httpx.Response(200, json={"nodes": items, "next": following})

    assert client(answer).listing("nodes") == ["a", "b", "c"]


def test_token_is_fetched_once_and_again_when_it_is_refused() -> None:
    tokens: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            tokens.append(f"token-{len(tokens)}")
            return httpx.Response(200, json={"access_token": tokens[-1], "expires_in": 600})
        expired = request.headers["Authorization"] == "Bearer token-0" and request.url.path.endswith("/second")
        return httpx.Response(401, json={"code": "token-invalid"}) if expired else httpx.Response(200, content=b"x")

    me = client(answer, person="ada", key=PrivateKey.generate_ed25519())
    me.document("first")
    assert tokens == ["token-0"]
    me.document("second")

    assert tokens == ["token-0", "token-1"]


class Shelf:
    """A registry's upload door: keeps what came, and may lose its connection after so many bytes."""

    def __init__(self, *, have: bytes = b"", break_at: int | None = None) -> None:
        self.content, self.break_at = bytearray(have), break_at

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "HEAD":
            return self._standing(200) if self.content else httpx.Response(404)
        if int(request.headers["Upload-Offset"]) != len(self.content):
            return httpx.Response(409, json={"code": "upload-offset", "detail": "Elsewhere."})
        if self.break_at is not None and len(self.content) >= self.break_at:
            raise httpx.WriteError("broken pipe")
        self.content += request.content
        return self._standing(202)

    def _standing(self, status: int) -> httpx.Response:
        return httpx.Response(status, headers={"Upload-Offset": str(len(self.content))})


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "image.tar"
    path.write_bytes(bytes(range(256)) * (2 * PIECE_BYTES // 256) + b"the end")
    return path


def test_upload_sends_every_byte_and_says_how_far(archive: Path) -> None:
    shelf, told = Shelf(), []

    client(shelf).upload_image(archive, "00", lambda sent, size: told.append((sent, size)))

    assert bytes(shelf.content) == archive.read_bytes()
    size = archive.stat().st_size
    assert told == [(PIECE_BYTES, size), (2 * PIECE_BYTES, size), (size, size)]


def test_upload_goes_on_where_it_broke(archive: Path) -> None:
    shelf = Shelf(break_at=PIECE_BYTES)
    with pytest.raises(Unreachable):
        client(shelf).upload_image(archive, "00")
    assert len(shelf.content) == PIECE_BYTES

    shelf.break_at = None
    client(shelf).upload_image(archive, "00")

    assert hashlib.sha256(shelf.content).digest() == hashlib.sha256(archive.read_bytes()).digest()


def test_upload_of_what_is_there_sends_nothing(archive: Path) -> None:
    shelf, told = Shelf(have=archive.read_bytes()), []

    client(shelf).upload_image(archive, "00", lambda sent, size: told.append(sent))

    assert told == []
