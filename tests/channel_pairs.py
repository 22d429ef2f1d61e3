"""What the tests of pairs share: bits, how many came out wrong, and an image with files that nobody has read."""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import chamber_help as help_
import docker
import pytest

from sandbox.chambers.runtime import ChamberRuntime

COUNTED_BITS = 6
WARM_FILES = 32
WARM_BYTES = 1 << 20


def balanced(count: int) -> list[int]:
    """Random bits, of which half are 1."""
    bits = [0, 1] * (count // 2)
    random.SystemRandom().shuffle(bits)
    return bits


def error_rate(sent: list[int], guessed: list[int]) -> float:
    """The share of bits that came out wrong."""
    return sum(a != b for a, b in zip(sent, guessed, strict=True)) / len(sent)


def warm_image(runtime: ChamberRuntime, folder: Path) -> Iterator[str]:
    """The hostile image with files that nobody has read yet."""
    context = folder / "warm-context"
    (context / "warm").mkdir(parents=True)
    for number in range(WARM_FILES):
        (context / "warm" / str(number)).write_bytes(os.urandom(WARM_BYTES))
    shutil.copy(help_.HOSTILE / "channels.py", context)
    (context / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY channels.py /\nCOPY warm /warm\n")
    built = help_.build_image(context, folder / "warm.tar")
    image_id = runtime.load_image(built.archive, built.identity)
    yield image_id
    runtime.remove_image(image_id)


def make_cold(engine: docker.APIClient, image_id: str) -> None:
    """Have the machine forget what it read of the image's files."""
    driver = engine.inspect_image(image_id)["GraphDriver"]["Data"]
    layers = [driver.get("UpperDir", ""), *driver.get("LowerDir", "").split(":")]
    files = [path for layer in layers if layer for path in Path(layer, "warm").glob("*")]
    if len(files) != WARM_FILES:
        pytest.skip("the engine does not say where it keeps the files of images")
    for path in files:
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
