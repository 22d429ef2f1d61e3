"""Image uploads: resumable, checked, nobody else's."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from factory import AUTHOR, NODE, OFFICE, RESEARCHER

from protocol.errors import SafeconductError
from registry.store.blobs import Blobs

IMAGE = bytes(range(256)) * 3 + b"end"
DIGEST = hashlib.sha256(IMAGE).hexdigest()


def patch(hub: Any, offset: int, content: bytes, who: str = AUTHOR, digest: str = DIGEST, **headers: str) -> Any:
    named = {"Upload-Offset": str(offset)} | {name.replace("_", "-"): value for name, value in headers.items()}
    return hub.request("PATCH", f"/images/{digest}", who, content=content, headers=named)


def head(hub: Any, who: str = AUTHOR) -> Any:
    return hub.request("HEAD", f"/images/{DIGEST}", who)


def files(hub: Any) -> list[Path]:
    return sorted(path for name in ("blobs", "partial") for path in (hub.directory / name).rglob("*") if path.is_file())


def test_an_upload_in_parts(settled: Any) -> None:
    assert head(settled).status_code == 404

    first = patch(settled, 0, IMAGE[:100], Upload_Complete="?0")
    assert (first.status_code, first.headers["Upload-Offset"], first.headers["Upload-Complete"]) == (202, "100", "?0")
    assert head(settled).headers["Upload-Offset"] == "100"
    last = patch(settled, 100, IMAGE[100:])
    assert (last.status_code, last.headers["Upload-Complete"]) == (201, "?1")
    assert settled.request("GET", f"/images/{DIGEST}", AUTHOR).content == IMAGE
    assert head(settled).headers["Upload-Offset"] == str(len(IMAGE))
    assert patch(settled, 0, IMAGE).status_code == 201  # repeating what is done is no error


def test_an_upload_of_known_length_ends_by_itself(settled: Any) -> None:
    length = str(len(IMAGE))

    assert patch(settled, 0, IMAGE[:500], Upload_Length=length).status_code == 202
    assert patch(settled, 500, IMAGE[500:], Upload_Length=length).status_code == 201


def test_an_upload_in_one_go_and_again_from_the_start(settled: Any) -> None:
    patch(settled, 0, b"something else", Upload_Complete="?0")

    answer = settled.request("PUT", f"/images/{DIGEST}", AUTHOR, content=IMAGE)

    assert answer.status_code == 201
    assert settled.request("GET", f"/images/{DIGEST}", AUTHOR).content == IMAGE


def test_an_upload_goes_on_after_a_restart(settled: Any) -> None:
    patch(settled, 0, IMAGE[:300], Upload_Complete="?0")
    settled.restart()

    assert head(settled).headers["Upload-Offset"] == "300"
    assert patch(settled, 300, IMAGE[300:]).status_code == 201


def test_bytes_lost_on_the_way_to_the_disk_are_asked_for_again(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    with blobs.writing(DIGEST, "ada") as upload:
        upload.append(IMAGE[:300])
        upload.pause()
    (partial,) = (tmp_path / "partial").iterdir()
    partial.write_bytes(IMAGE[:200])

    with blobs.writing(DIGEST, "ada") as upload:
        assert upload.length == 200
        upload.resume()
        upload.append(IMAGE[200:])
        upload.settle()

    assert blobs.get(DIGEST) == IMAGE


def test_the_wrong_place_is_refused_with_the_right_one(settled: Any) -> None:
    patch(settled, 0, IMAGE[:100], Upload_Complete="?0")

    for offset in (0, 99, 101):
        answer = patch(settled, offset, IMAGE[offset:])
        assert (answer.status_code, answer.json()["code"]) == (409, "upload-offset")
        assert answer.headers["Upload-Offset"] == "100"


def test_the_wrong_bytes_are_refused_and_removed(settled: Any) -> None:
    answer = patch(settled, 0, IMAGE[:-1] + b"!")

    assert (answer.status_code, answer.json()["code"]) == (422, "image-digest")
    assert head(settled).status_code == 404
    assert files(settled) == []


def test_more_than_announced_is_refused_and_removed(settled: Any) -> None:
    answer = patch(settled, 0, IMAGE, Upload_Length="10")

    assert (answer.status_code, answer.json()["code"]) == (422, "upload-length")
    assert files(settled) == []


def test_the_limit_is_accepted_and_one_byte_more_is_not(settled: Any) -> None:
    largest, larger = b"x" * 1000, b"x" * 1001

    for content, status in ((largest, 201), (larger, 413)):
        answer = patch(settled, 0, content, digest=hashlib.sha256(content).hexdigest())
        assert answer.status_code == status
    announced = patch(settled, 0, b"", Upload_Length="1001")
    assert (announced.status_code, announced.json()["code"]) == (413, "image-too-large")
    assert len(files(settled)) == 1


def test_beginnings_are_counted(settled: Any) -> None:
    def begin(content: bytes) -> Any:
        return patch(settled, 0, content, digest=hashlib.sha256(content).hexdigest(), Upload_Complete="?0")

    assert [begin(b"%d" % n).status_code for n in range(5)] == [202, 202, 202, 202, 409]
    assert begin(b"1").json()["code"] == "upload-offset"
    first = hashlib.sha256(b"1").hexdigest()
    assert settled.request("DELETE", f"/images/{first}", AUTHOR).status_code == 204
    assert begin(b"4").status_code == 202


def test_an_empty_beginning_leaves_nothing(settled: Any) -> None:
    assert patch(settled, 7, b"x").json()["code"] == "upload-offset"
    assert patch(settled, 0, b"", Upload_Complete="?0").status_code == 202
    assert files(settled) == []


@pytest.mark.parametrize("who", ["meri", NODE, OFFICE])
def test_only_researchers_upload(settled: Any, who: str) -> None:
    answer = patch(settled, 0, IMAGE, who)

    assert (answer.status_code, answer.json()["code"]) == (403, "researcher-only")


def test_nobody_sees_or_spoils_anothers_upload(settled: Any) -> None:
    patch(settled, 0, IMAGE[:100], Upload_Complete="?0")

    assert head(settled, RESEARCHER).status_code == 404
    assert settled.request("DELETE", f"/images/{DIGEST}", RESEARCHER).status_code == 404
    assert patch(settled, 0, b"garbage", RESEARCHER).status_code == 422
    assert patch(settled, 100, IMAGE[100:]).status_code == 201
    assert head(settled, RESEARCHER).status_code == 404
    assert settled.request("GET", f"/images/{DIGEST}", RESEARCHER).status_code == 404
    assert patch(settled, 0, IMAGE, RESEARCHER).status_code == 201


def test_who_may_fetch_an_image(settled: Any) -> None:
    patch(settled, 0, IMAGE)
    identity = settled.world.image.model_copy(update={"archive_digest": DIGEST}).model_dump()
    algorithm = settled.submit(image=identity)

    def fetched(who: str) -> int:
        return int(settled.request("GET", f"/images/{DIGEST}", who).status_code)

    assert {who: fetched(who) for who in (AUTHOR, "meri", RESEARCHER, NODE, OFFICE)} == {
        AUTHOR: 200,
        "meri": 200,
        RESEARCHER: 404,
        NODE: 404,
        OFFICE: 404,
    }
    settled.publish("orders", settled.order(algorithm))
    assert fetched(NODE) == 200


def test_a_download_can_go_on(settled: Any) -> None:
    patch(settled, 0, IMAGE)

    answer = settled.request("GET", f"/images/{DIGEST}", AUTHOR, headers={"Range": "bytes=700-"})

    assert (answer.status_code, answer.content) == (206, IMAGE[700:])
    beyond = settled.request("GET", f"/images/{DIGEST}", AUTHOR, headers={"Range": "bytes=9999-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize(
    "headers", [{"Upload-Offset": "-1"}, {"Upload-Offset": "x"}, {}, {"Upload-Offset": "0", "Upload-Complete": "yes"}]
)
def test_bad_headers_are_refused(settled: Any, headers: dict[str, str]) -> None:
    answer = settled.request("PATCH", f"/images/{DIGEST}", AUTHOR, content=b"x", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)

    with blobs.writing(DIGEST, "ada"), pytest.raises(SafeconductError) as refusal, blobs.writing(DIGEST, "ada"):
        pass

    assert refusal.value.code == "upload-busy"


def test_a_small_blob_is_kept_under_its_digest(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)

    assert blobs.put(b"sealed") == hashlib.sha256(b"sealed").hexdigest() == blobs.put(b"sealed")
    assert blobs.get(hashlib.sha256(b"sealed").hexdigest()) == b"sealed"
    assert blobs.get("0" * 64) is None
    assert list((tmp_path / "partial").iterdir()) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_no_word_of_a_user_becomes_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        Blobs(tmp_path).path(name)


def test_old_beginnings_are_swept(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    with blobs.writing(DIGEST, "ada") as upload:
        upload.append(b"x")
        upload.pause()

    blobs.sweep(older_than=0)
    assert blobs.unfinished("ada") == 1
    blobs.sweep(older_than=2**33)
    assert blobs.unfinished("ada") == 0


def test_a_full_disk_is_said_so(tmp_path: Path) -> None:
    def fill() -> None:
        with Blobs(tmp_path).writing(DIGEST, "ada") as upload, Path("/dev/full").open("r+b", buffering=0) as full:
            upload._stream = full
            upload.append(b"x")

    with pytest.raises(SafeconductError) as refusal:
        fill()

    assert refusal.value.code == "storage-full"
