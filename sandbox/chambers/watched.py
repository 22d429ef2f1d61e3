"""A chamber that may be watched: for rehearsals on synthetic data, and for nothing else.

On real data, what a chamber prints, how it ends and how long it takes go nowhere (`runtime`, promise 2). In a rehearsal
that is what its author needs to see. So a few chambers run once more, here, with every flag of a container chamber but
two: the launcher leaves standard output and error open, and the engine keeps the last part of what comes through them.

That this cannot happen beside real data is not a setting that somebody might turn: there is none. The real runtimes
have no way to it; this module is imported by the rehearsal alone (import contract `rehearsal`), which in turn cannot
reach a node's database, datasets or registry.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from docker.types import LogConfig

from sandbox.chambers import flags
from sandbox.chambers.cgroups import Cgroups
from sandbox.chambers.desk import Desk, write_new
from sandbox.chambers.engine import Engine
from sandbox.chambers.engine_runtime import image_environment
from sandbox.chambers.launcher import heard_launcher
from sandbox.chambers.limits import GONE_SECONDS
from sandbox.chambers.outputs import check_on_tmpfs
from sandbox.domain.chamber import ChamberPlan
from sandbox.errors import InfrastructureLost

LOG_BYTES: Final = (
    16 << 20
)  # of both streams together, in the engine's hands; beyond it the engine forgets the first part
KEPT_BYTES: Final = 64 << 10  # of each stream, the last part


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedChamber:
    """How one chamber ended, and what it printed; everything that it printed or wrote is untrusted."""

    chamber: int
    exit_code: int
    milliseconds: int
    late: bool
    out_of_memory: bool
    untrusted_output: bytes | None
    untrusted_stdout: bytes
    untrusted_stderr: bytes


class Watcher:
    """Runs single chambers of a rehearsal and tells everything about them."""

    def __init__(self, docker_url: str, node: str, work: Path) -> None:
        check_on_tmpfs(work)
        self._engine = _HearingEngine(docker_url)
        self._cgroups = Cgroups(self._engine.cgroup_driver)
        self._node = node
        self._work = work

    def watch(self, plan: ChamberPlan, chamber: int) -> WatchedChamber:
        """Run one chamber that has a block, in the time of one slot."""
        block = plan.block_dirs[chamber]
        if block is None:
            msg = f"chamber {chamber} has no block"
            raise RuntimeError(msg)
        desk = _HeardDesk(self._work, plan, chamber)
        desk.lay()
        container_id = ""
        try:
            container = flags.container_config(plan, chamber, self._node, image_environment(self._engine, plan))
            container |= {"name": f"{plan.job}-watched-{chamber}"}
            host = flags.host_config(plan, desk, block) | {"log_config": _last_part()}
            container_id = self._engine.create(container, host, flags.beyond_the_sdk())
            return self._run(plan, chamber, container_id, desk)
        finally:
            if container_id:
                self._engine.remove(container_id)
                self._cgroups.clear(container_id)
            desk.clear()

    def _run(self, plan: ChamberPlan, chamber: int, container_id: str, desk: Desk) -> WatchedChamber:
        self._engine.start(container_id)
        in_time = self._engine.wait(container_id, plan.slot_length.total_seconds())
        if not in_time:
            self._engine.kill(container_id)
            if not self._engine.wait(container_id, GONE_SECONDS):
                raise InfrastructureLost("chamber-runs-on", "The engine could not end a chamber; restart the engine.")
        state = self._engine.state(container_id)
        stdout, stderr = self._engine.words(container_id)
        ran = state.finished_at - state.started_at if state.finished_at and state.started_at else plan.slot_length
        return WatchedChamber(
            chamber=chamber,
            exit_code=state.exit_code,
            milliseconds=max(0, round(ran / timedelta(milliseconds=1))),  # the engine may note a short one's start late
            late=not in_time,
            out_of_memory=state.out_of_memory,
            untrusted_output=desk.read(),
            untrusted_stdout=stdout,
            untrusted_stderr=stderr,
        )


class _HearingEngine(Engine):
    """An engine that can also be asked for a container's words."""

    def words(self, container_id: str) -> tuple[bytes, bytes]:
        """What is kept of standard output and standard error."""
        asked = ({"stdout": True, "stderr": False}, {"stdout": False, "stderr": True})
        found = [self._api.logs(container_id, **one) for one in asked]
        return bytes(found[0])[-KEPT_BYTES:], bytes(found[1])[-KEPT_BYTES:]


class _HeardDesk(Desk):
    """A desk whose launcher leaves the streams open."""

    def lay(self) -> None:
        super().lay()
        self.launcher.unlink()
        write_new(self.launcher, heard_launcher(), 0o555)


def _last_part() -> Any:
    return LogConfig(type=LogConfig.types.JSON, config={"max-size": str(LOG_BYTES), "max-file": "1"})
