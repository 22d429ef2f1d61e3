"""Building an image: one canonical archive, the same every time, that the engine loads to the signed ID."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import chamber_help as help_
import docker
import pytest

from client.errors import ClientError
from client.images import build
from protocol.errors import Refused
from sandbox.chambers.container import ContainerRuntime

# What differs from build to build, or must not travel: times, bytecode with times, devices, setuid, links to the root.
STEPS = """
import os, py_compile, time
os.makedirs("/app/log", exist_ok=True)
open("/app/z.py", "w").write("x = 1")
open("/app/a.py", "w").write("x = 2")
os.link("/app/a.py", "/app/b.py")
os.symlink("/app/a.py", "/app/link")
os.chmod("/app/z.py", 0o4755)
py_compile.compile("/app/a.py")
py_compile.compile("/app/z.py", invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
os.makedirs("/var/log", exist_ok=True)
open("/var/log/when", "w").write(str(time.time()))
"""
DOCKERFILE = """
ARG BASE
FROM ${BASE}
COPY steps.py /steps.py
RUN ["/usr/bin/python3", "-I", "-S", "/steps.py"]
"""


def lay_context(folder: Path) -> Path:
    folder.mkdir()
    (folder / "steps.py").write_text(STEPS)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return lay_context(tmp_path / "context")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> help_.Image:
    folder = tmp_path_factory.mktemp("image")
    return help_.build_image(lay_context(folder / "context"), folder / "image.tar")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> help_.Image:
    return help_.build_image(help_.HOSTILE, tmp_path_factory.mktemp("hostile") / "image.tar")


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.APIClient]:
    client = docker.APIClient(base_url=help_.engine_url())
    yield client
    client.close()


@pytest.fixture
def runtime() -> ContainerRuntime:
    return ContainerRuntime(help_.engine_url(), node="image-tests")


def test_image_built_twice_is_the_same_bytes(image: help_.Image, context: Path, tmp_path: Path) -> None:
    os.utime(context / "steps.py", (1_000_000_000, 1_000_000_000))
    (context / "steps.py").chmod(0o664)

    again = help_.build_image(context, tmp_path / "again.tar", fresh=True)

    assert again.identity == image.identity
    assert again.archive.read_bytes() == image.archive.read_bytes()


def test_engine_loads_the_archive_to_the_signed_names(
    image: help_.Image, runtime: ContainerRuntime, engine: docker.APIClient
) -> None:
    image_id = runtime.load_image(image.archive, image.identity)

    found = engine.inspect_image(image_id)
    assert image_id == image.identity.config_digest
    assert tuple(found["RootFS"]["Layers"]) == image.identity.layers
    assert not found["RepoTags"]
    help_.forget_image(image_id)


def test_base_keeps_its_layers(image: help_.Image, hostile: help_.Image) -> None:
    """The layers of a base are a function of the base alone, so algorithms on one base share them."""
    assert image.identity.layers[0] == hostile.identity.layers[0]
    assert image.identity.layers != hostile.identity.layers


@pytest.mark.parametrize(
    ("code", "instruction"),
    [
        ("image-volume", "VOLUME /data"),
        ("image-healthcheck", 'HEALTHCHECK CMD ["/usr/bin/python3"]'),
        ("image-reserved-path", "COPY steps.py /mnt/input/input.json"),
    ],
)
def test_image_that_no_node_would_load_is_not_built(context: Path, tmp_path: Path, code: str, instruction: str) -> None:
    (context / "Dockerfile").write_text(f"{DOCKERFILE}{instruction}\n")

    with pytest.raises(Refused) as refusal:
        help_.build_image(context, tmp_path / "image.tar")

    assert refusal.value.code == code
    assert sorted(path.name for path in tmp_path.iterdir()) == ["context"]


def test_failing_build_says_what_failed(context: Path, tmp_path: Path) -> None:
    (context / "steps.py").write_text("raise SystemExit('no luck today')")

    with pytest.raises(ClientError, match="no luck today"):
        help_.build_image(context, tmp_path / "image.tar")

    assert not (tmp_path / "image.tar").exists()


def test_folder_without_a_dockerfile_is_refused(tmp_path: Path) -> None:
    help_.engine_url()

    with pytest.raises(ClientError, match="image-no-dockerfile"):
        build(tmp_path, "scratch", tmp_path / "image.tar")


def test_archive_that_changes_between_check_and_load_is_refused(
    image: help_.Image,
    hostile: help_.Image,
    runtime: ContainerRuntime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = tmp_path / "image.tar"
    shutil.copyfile(image.archive, archive)

    def swap(*_: object) -> object:
        shutil.copyfile(hostile.archive, archive)
        return image.identity

    monkeypatch.setattr("sandbox.chambers.engine_runtime.read_identity", swap)
    with pytest.raises(Refused, match="image-mismatch"):
        runtime.load_image(archive, image.identity)
    assert runtime.find_image(image.identity) is None
