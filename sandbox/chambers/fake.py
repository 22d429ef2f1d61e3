"""A chamber runtime without an engine, for tests of what stands above it; the contract suite keeps it honest.

It isolates nothing and says so by its name: programs are Python functions called in this process.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from protocol.documents.algorithm import ImageIdentity
from protocol.documents.image import ImageLimits, read_identity
from sandbox.chambers.outputs import Outcomes
from sandbox.domain.chamber import ChamberPlan, Profile, Timing
from sandbox.errors import InfrastructureLost, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a pretended chamber ended: what it wrote, and after how many pretended seconds."""

    wrote: bytes = b""
    exit_code: int = 0
    seconds: float = 0.0
    out_of_memory: bool = False


Program = Callable[[bytes, Path], Ending]


def _now() -> datetime:
    return datetime.now(UTC)


class FakeRuntime:
    """Calls ``programs[entrypoint](input_json, block_dir)`` for each chamber; time may be pretended."""

    def __init__(
        self,
        programs: Mapping[tuple[str, ...], Program],
        *,
        clock: Callable[[], datetime] = _now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._programs = programs
        self._clock = clock
        self._sleep = sleep
        self._images: dict[str, tuple[str, ...]] = {}

    def find_image(self, identity: ImageIdentity) -> str | None:
        """As the specification says."""
        return identity.config_digest if self._images.get(identity.config_digest) == identity.layers else None

    def load_image(self, archive: Path, identity: ImageIdentity) -> str:
        """Read the archive as the real thing does; nothing is kept but its ID."""
        if self.find_image(identity):
            return identity.config_digest
        with archive.open("rb") as stream:
            if read_identity(stream, ImageLimits()) != identity:
                raise Refused("image-mismatch", "The archive is not the image that was signed.")
        self._images[identity.config_digest] = identity.layers
        return identity.config_digest

    def prepare_image(self, image_id: str, profile: Profile) -> None:
        """Nothing needs to be made ready."""

    def remove_image(self, image_id: str) -> None:
        """Forget an image."""
        self._images.pop(image_id, None)

    def run_slice(self, plan: ChamberPlan, first: int, outputs_dir: Path, until: datetime) -> int:
        """Run chambers one after another; each is over at once, whatever it pretends."""
        outcomes = Outcomes(outputs_dir)
        if plan.image_id not in self._images:
            raise InfrastructureLost("image-missing", "The image is not loaded at this node.")
        for chamber in range(first, plan.chambers):
            if outcomes.has(chamber):
                continue
            if not self._wait_for_start(plan, chamber, until):
                break
            outcomes.write(chamber, self._outcome(plan, chamber))
        return outcomes.first_open(first, plan.chambers)

    def collect(self, outputs_dir: Path, chambers: int) -> list[bytes | None]:
        """As the specification says."""
        return Outcomes(outputs_dir).collect(chambers)

    def remove_below(self, job: str, fence: int) -> int:  # noqa: ARG002  nothing outlives a call here
        """Nothing outlives a call of this runtime."""
        return 0

    def attempts(self) -> Collection[tuple[str, int]]:
        """Nothing outlives a call of this runtime."""
        return ()

    def reap(self, live_jobs: Collection[str]) -> int:  # noqa: ARG002  nothing outlives a call here
        """Nothing outlives a call of this runtime."""
        return 0

    def _wait_for_start(self, plan: ChamberPlan, chamber: int, until: datetime) -> bool:
        """Wait for a padded chamber's start; False when that lies beyond this slice."""
        if plan.timing is Timing.IMMEDIATE:
            return self._clock() < until
        start, _ = plan.slot(chamber)
        if start >= until:
            return False
        self._sleep(max(0.0, (start - self._clock()).total_seconds()))
        return True

    def _outcome(self, plan: ChamberPlan, chamber: int) -> bytes | None:
        block = plan.block_dirs[chamber]
        if block is None or self._missed(plan, chamber):
            return None
        ending = self._programs[plan.entrypoint](plan.input_json, block)
        ended_well = (
            ending.exit_code == 0 and not ending.out_of_memory and ending.seconds < plan.slot_length.total_seconds()
        )
        return ending.wrote if ended_well and 0 < len(ending.wrote) <= plan.output_bytes else None

    def _missed(self, plan: ChamberPlan, chamber: int) -> bool:
        start, _ = plan.slot(chamber)
        late = (self._clock() - start).total_seconds()
        return plan.timing is Timing.PADDED and late > plan.slot_length.total_seconds() / 2
