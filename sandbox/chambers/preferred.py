"""Cells where the machine allows them, else containers: never less isolation, and never in silence."""

from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

import structlog

from protocol.documents.algorithm import ImageIdentity
from sandbox.chambers.cell import CellsForbidden
from sandbox.chambers.runtime import ChamberRuntime
from sandbox.domain.chamber import ChamberPlan, Profile

log = structlog.get_logger()


class PreferredRuntime:
    """Uses the preferred runtime until it says that this machine forbids it; then the other, from that slice on.

    That is said before any chamber has seen data, and both write the same kind of outcomes, so nothing runs twice.
    """

    def __init__(self, preferred: ChamberRuntime, other: Callable[[], ChamberRuntime]) -> None:
        self._runtime = preferred
        self._other: Callable[[], ChamberRuntime] | None = other

    def find_image(self, identity: ImageIdentity) -> str | None:
        """As `ChamberRuntime.find_image` says."""
        return self._runtime.find_image(identity)

    def load_image(self, archive: Path, identity: ImageIdentity) -> str:
        """As `ChamberRuntime.load_image` says."""
        return self._runtime.load_image(archive, identity)

    def prepare_image(self, image_id: str, profile: Profile) -> None:
        """As `ChamberRuntime.prepare_image` says."""
        self._runtime.prepare_image(image_id, profile)

    def remove_image(self, image_id: str) -> None:
        """As `ChamberRuntime.remove_image` says."""
        self._runtime.remove_image(image_id)

    def run_slice(self, plan: ChamberPlan, first: int, outputs_dir: Path, until: datetime) -> int:
        """As `ChamberRuntime.run_slice` says."""
        try:
            return self._runtime.run_slice(plan, first, outputs_dir, until)
        except CellsForbidden as forbidden:
            if self._other is None:
                raise
            log.warning("containers-instead-of-cells", code=forbidden.code, remedy=forbidden.sentence)
            self._runtime, self._other = self._other(), None
            return self._runtime.run_slice(plan, first, outputs_dir, until)

    def collect(self, outputs_dir: Path, chambers: int) -> list[bytes | None]:
        """As `ChamberRuntime.collect` says."""
        return self._runtime.collect(outputs_dir, chambers)

    def remove_below(self, job: str, fence: int) -> int:
        """As `ChamberRuntime.remove_below` says."""
        return self._runtime.remove_below(job, fence)

    def attempts(self) -> Collection[tuple[str, int]]:
        """As `ChamberRuntime.attempts` says."""
        return self._runtime.attempts()

    def reap(self, live_jobs: Collection[str]) -> int:
        """As `ChamberRuntime.reap` says."""
        return self._runtime.reap(live_jobs)
