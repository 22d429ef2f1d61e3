"""What both Docker engines of chambers share: images, and finding and removing what is theirs by its labels."""

from collections.abc import Collection
from pathlib import Path

from protocol.documents.algorithm import ImageIdentity
from protocol.documents.image import ImageLimits, read_identity
from sandbox.chambers import flags
from sandbox.chambers.cgroups import Cgroups
from sandbox.chambers.engine import Engine, amid
from sandbox.chambers.outputs import Outcomes
from sandbox.domain.chamber import ChamberPlan
from sandbox.errors import InfrastructureLost, Refused


class EngineRuntime:
    """A chamber runtime on a Docker engine; `node` names whose it is, for engines that several nodes share."""

    def __init__(self, docker_url: str, node: str) -> None:
        self._engine = Engine(docker_url)
        self._cgroups = Cgroups(self._engine.cgroup_driver)
        self._node = node

    def find_image(self, identity: ImageIdentity) -> str | None:
        """As `ChamberRuntime.find_image` says; engines name an image by its configuration or by its manifest."""
        for name in (identity.config_digest, identity.manifest_digest):
            found = self._engine.image(name) if name else None
            if found and found["Id"] == name and tuple(found["RootFS"]["Layers"]) == identity.layers:
                return str(name)
        return None

    def load_image(self, archive: Path, identity: ImageIdentity) -> str:
        """As `ChamberRuntime.load_image` says."""
        loaded = self.find_image(identity)
        if loaded:
            return loaded
        with archive.open("rb") as stream, amid("loaded an image"):
            if read_identity(stream, ImageLimits()) != identity:
                raise Refused("image-mismatch", "The archive is not the image that was signed.")
            stream.seek(0)
            digest = self._engine.load(stream)
        image_id = self.find_image(identity)
        # The file may have been changed between the check and the load; the engine may read it in another way than we.
        if digest != identity.archive_digest or image_id is None:
            self._engine.remove_image(image_id or identity.config_digest)
            raise Refused("image-mismatch", "What the engine made of the archive is not the image that was signed.")
        return image_id

    def remove_image(self, image_id: str) -> None:
        """As `ChamberRuntime.remove_image` says."""
        self._engine.remove_image(image_id)

    def collect(self, outputs_dir: Path, chambers: int) -> list[bytes | None]:
        """As `ChamberRuntime.collect` says."""
        return Outcomes(outputs_dir).collect(chambers)

    def remove_below(self, job: str, fence: int) -> int:
        """As `ChamberRuntime.remove_below` says."""
        ours = self._engine.containers({f"{flags.LABEL}.node": self._node, f"{flags.LABEL}.job": job})
        return self._remove([name for name, labels in ours.items() if int(labels[f"{flags.LABEL}.fence"]) < fence])

    def attempts(self) -> Collection[tuple[str, int]]:
        """As `ChamberRuntime.attempts` says."""
        ours = self._engine.containers({f"{flags.LABEL}.node": self._node}).values()
        running = [labels for labels in ours if {f"{flags.LABEL}.chamber", f"{flags.LABEL}.lane"} & labels.keys()]
        return {(labels[f"{flags.LABEL}.job"], int(labels[f"{flags.LABEL}.fence"])) for labels in running}

    def reap(self, live_jobs: Collection[str]) -> int:
        """As `ChamberRuntime.reap` says."""
        ours = self._engine.containers({f"{flags.LABEL}.node": self._node})
        return self._remove([name for name, labels in ours.items() if labels[f"{flags.LABEL}.job"] not in live_jobs])

    def _remove(self, containers: list[str]) -> int:
        for container_id in containers:
            self._engine.remove(container_id)
            self._cgroups.clear(container_id)
        return len(containers)


def image_environment(engine: Engine, plan: ChamberPlan) -> list[str]:
    """The keys of the environment that the plan's image sets, all of which a chamber unsets."""
    image = engine.image(plan.image_id)
    if image is None:
        raise InfrastructureLost("image-missing", "The image is not loaded at this node; load it again.")
    if image["Config"].get("Volumes"):  # it would be a writable place on the host's disk; no check of ours let it in
        raise InfrastructureLost("image-volume", "The loaded image asks for volumes: remove it and load it anew.")
    return [setting.partition("=")[0] for setting in image["Config"].get("Env") or ()]
