"""Building an algorithm's image: from a folder with a Dockerfile to one canonical archive and its identity."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import docker
from docker.errors import APIError, DockerException

from client.canonical import write_canonical
from client.errors import ClientError, Unreachable
from protocol.documents.algorithm import ImageIdentity
from protocol.documents.image import ImageLimits, read_identity

_LOG_LINES = 8


def build(
    context_dir: Path, base: str, out: Path, *, network: str = "none", fresh: bool = False
) -> tuple[Path, ImageIdentity]:
    """Build the folder's Dockerfile on the image `base` and write the canonical archive to `out`.

    The same folder on the same base gives the same bytes, every time and on every machine. `base` becomes the build
    argument BASE. `network` is what the build's RUN steps may reach: "none", or "host" for those that fetch packages
    (what they fetch must then be fixed by the Dockerfile). `fresh` builds without what the engine kept from earlier
    builds. Refused with the code of the fault: whatever no node would load. `out` appears whole or not at all.
    """
    engine = _engine()
    try:
        image_id = _build(engine, context_dir, base, network, fresh=fresh)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
            _save(engine, image_id, Path(scratch) / "saved")
            _forget(engine, image_id)
            write_canonical(Path(scratch) / "saved", Path(scratch) / "canonical")
            with (Path(scratch) / "canonical").open("rb") as stream:
                identity = read_identity(stream, ImageLimits())
            (Path(scratch) / "canonical").rename(out)
    except DockerException as problem:
        raise ClientError("image-build-failed", f"The engine could not build {context_dir}: {problem}") from problem
    finally:
        engine.close()
    return out, identity


def _engine() -> docker.APIClient:
    try:
        return docker.from_env().api
    except DockerException as problem:
        raise Unreachable(
            "engine-unreachable", f"No Docker engine answers: {problem}. Start it or set DOCKER_HOST."
        ) from problem


def _build(engine: docker.APIClient, context_dir: Path, base: str, network: str, *, fresh: bool) -> str:
    """The classic builder, whose network can be shut and which needs no plug-in; intermediate containers go."""
    if not (context_dir / "Dockerfile").is_file():
        raise ClientError(
            "image-no-dockerfile", f"There is no Dockerfile in {context_dir}; write one or choose another folder."
        )
    steps = engine.build(
        path=str(context_dir),
        buildargs={"BASE": base},
        network_mode=network,
        nocache=fresh,
        rm=True,
        forcerm=True,
        decode=True,
    )
    log: list[str] = []
    image_id = ""
    for step in steps:
        log.append(step.get("stream", "") + step.get("error", ""))
        image_id = step.get("aux", {}).get("ID", image_id)
        if "error" in step:
            break
    else:
        if image_id:
            return image_id
    last = " / ".join(line.strip() for line in log[-_LOG_LINES:] if line.strip())
    raise ClientError("image-build-failed", f"The image of {context_dir} could not be built: {last}")


def _save(engine: docker.APIClient, image_id: str, path: Path) -> None:
    with path.open("wb") as saved:
        for piece in engine.get_image(image_id):
            saved.write(piece)


def _forget(engine: docker.APIClient, image_id: str) -> None:
    """Remove what was built, unless it has a name; its parents stay, for one of them may be the base."""
    with contextlib.suppress(APIError):  # another build may have come to the same image
        if not engine.inspect_image(image_id)["RepoTags"]:
            engine.remove_image(image_id, noprune=True)
