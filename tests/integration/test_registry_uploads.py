"""Uploads to a real process: broken off, killed in between, and too large."""

import hashlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from factory import AUTHOR
from registry_process import Registry, running

MIB = 1024 * 1024
IMAGE = os.urandom(MIB) * 12
DIGEST = hashlib.sha256(IMAGE).hexdigest()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    yield from running(tmp_path_factory.mktemp("uploads"), SAFECONDUCT_REGISTRY_IMAGE_BYTES=str(len(IMAGE)))


def offset(registry: Registry, digest: str = DIGEST) -> int:
    return int(registry.request("HEAD", f"/images/{digest}", AUTHOR).headers.get("Upload-Offset", "0"))


def break_off(registry: Registry, sent: int) -> None:
    """Announce the whole image, send a part of it, and hang up."""
    head = (
        f"PATCH /api/v1/images/{DIGEST} HTTP/1.1\r\nHost: registry\r\n"
        f"Authorization: Bearer {registry.token(AUTHOR)}\r\n"
        f"Upload-Offset: {offset(registry)}\r\nContent-Length: {len(IMAGE)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", registry.port)) as wire:
        wire.sendall(head.encode() + IMAGE[:sent])
        time.sleep(0.2)


def wait_for_offset(registry: Registry, wanted: int) -> None:
    for _ in range(200):
        if offset(registry) == wanted:
            return
        time.sleep(0.05)
    raise AssertionError(f"the upload stands at {offset(registry)}, not {wanted}")


def test_an_upload_survives_a_break_and_a_kill_and_a_restart(registry: Registry) -> None:
    break_off(registry, 5 * MIB + 17)
    wait_for_offset(registry, 5 * MIB + 17)

    registry.stop(signal.SIGKILL)
    registry.start()
    kept = offset(registry)
    assert kept == 5 * MIB + 17
    answer = registry.request(
        "PATCH", f"/images/{DIGEST}", AUTHOR, content=IMAGE[kept:], headers={"Upload-Offset": str(kept)}
    )

    assert answer.status_code == 201
    assert registry.request("GET", f"/images/{DIGEST}", AUTHOR).content == IMAGE


def test_a_refusal_is_read_although_the_body_was_not(registry: Registry) -> None:
    """The client is still sending when the refusal is known; it must get the problem document, not a reset."""
    digest = "0" * 64
    answer = registry.request(
        "PATCH", f"/images/{digest}", AUTHOR, content=IMAGE[: 4 * MIB], headers={"Upload-Offset": "77"}
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "upload-offset")
    assert registry.client.post("/api/v1/orders", content=b" " * (3 * MIB)).json()["code"] == "body-too-large"
    unknown = registry.client.patch(f"/api/v1/images/{digest}", content=IMAGE[: 4 * MIB])
    assert unknown.status_code in (401, 422)


def test_one_byte_over_the_limit_is_refused_and_nothing_stays(registry: Registry) -> None:
    larger = IMAGE + b"!"
    digest = hashlib.sha256(larger).hexdigest()

    answer = registry.request("PATCH", f"/images/{digest}", AUTHOR, content=larger, headers={"Upload-Offset": "0"})

    assert (answer.status_code, answer.json()["code"]) == (413, "image-too-large")
    assert offset(registry, digest) == 0
    assert list((registry.directory / "registry" / "partial").iterdir()) == []


def test_two_gib_may_be_announced_and_one_byte_more_may_not(tmp_path: Path) -> None:
    for registry in running(tmp_path):
        for size, status in ((2**31, 202), (2**31 + 1, 413)):
            headers = {"Upload-Offset": "0", "Upload-Length": str(size)}
            answer = registry.request("PATCH", f"/images/{size:064x}", AUTHOR, content=b"x", headers=headers)
            assert answer.status_code == status
