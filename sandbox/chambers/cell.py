"""Engine `cell`: one hardened container for each lane of a job, whose first process runs chambers one after another.

The life of a cell, in this order and no other:

1. its desk is laid: the chambers' list of system calls, their input, and a directory for outcomes (`cell_desk`);
2. the container is created with every flag of `cell_flags`, and started;
3. its supervisor (`supervisor.c`) runs the lane's chambers by itself, each a new program in new namespaces, at the
   times that it was given; nothing is said to it meanwhile, and a worker that dies does not disturb it;
4. what has an outcome is taken over at the end of each slice; a cell that still runs is left running;
5. when it has ended, the kernel is asked whether anything of it still runs, and container and desk are removed.

A cell that the memory limit killed was killed by the chamber that it ran: that one yields nothing, and a new cell goes
on behind it. A cell that ended otherwise without all its outcomes is the machine's failure.
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Final

from sandbox.chambers import cell_flags, flags, supervisor
from sandbox.chambers.cell_desk import CellDesk
from sandbox.chambers.cgroups import Cgroups
from sandbox.chambers.desk import sweep
from sandbox.chambers.engine import ContainerState, Engine, amid
from sandbox.chambers.engine_runtime import EngineRuntime, image_environment
from sandbox.chambers.limits import GONE_SECONDS
from sandbox.chambers.outputs import Outcomes
from sandbox.chambers.resident import ResidentRoots
from sandbox.chambers.slices import Clock
from sandbox.domain.chamber import ChamberPlan, Profile, Timing, check_profile
from sandbox.errors import InfrastructureLost

KILLED: Final = 137


class CellsForbidden(InfrastructureLost):
    """This machine lets no cell make its namespaces and mounts; no chamber has seen any data yet."""


class CellRuntime(EngineRuntime):
    """Chambers in cells; `program` is the built supervisor, whose digest is checked before each slice.

    `roots` is a directory on tmpfs for the roots of images, without which profile `strict` is not offered.
    """

    def __init__(
        self, docker_url: str, node: str, program: Path, *, roots: Path | None = None, apparmor: str | None = None
    ) -> None:
        super().__init__(docker_url, node)
        self._program = program
        self._apparmor = apparmor
        ours = cell_flags.labels(node, "resident-roots", 0)
        self._roots = ResidentRoots(self._engine, roots, ours) if roots else None

    def run_slice(self, plan: ChamberPlan, first: int, outputs_dir: Path, until: datetime) -> int:
        """As `ChamberRuntime.run_slice` says."""
        outcomes = Outcomes(outputs_dir)
        self._engine.check_able(plan.oci_runtime)
        supervisor.check(self._program)
        sweep(outcomes.work, plan.fence)
        for chamber in range(first, plan.chambers):
            if plan.block_dirs[chamber] is None:
                outcomes.write(chamber, None)
        root = self._root_of(plan.image_id, plan.profile)
        kit = cell_flags.Kit(program=self._program, apparmor=self._apparmor, node=self._node, root=root)
        cells = Cells(self._engine, self._cgroups, kit, plan, outcomes)
        with amid("ran chambers"):
            cells.run(first, until)
        return outcomes.first_open(first, plan.chambers)

    def reap(self, live_jobs: Collection[str]) -> int:
        """As `ChamberRuntime.reap` says."""
        if self._roots:
            self._roots.sweep()
        return super().reap(live_jobs)

    def remove_image(self, image_id: str) -> None:
        """As `ChamberRuntime.remove_image` says."""
        if self._roots:
            self._roots.remove(image_id)
        super().remove_image(image_id)

    def prepare_image(self, image_id: str, profile: Profile) -> None:
        """As `ChamberRuntime.prepare_image` says."""
        self._root_of(image_id, profile)

    def _root_of(self, image_id: str, profile: Profile) -> Path | None:
        """Where the image's root is held in memory, for profile `strict`."""
        if profile is Profile.STANDARD:
            return None
        check_profile(profile, *([Profile.STRICT] if self._roots else []))
        return self._roots.root_of(image_id) if self._roots else None


class Cells:
    """The cells of one plan in one slice."""

    def __init__(
        self, engine: Engine, cgroups: Cgroups, kit: cell_flags.Kit, plan: ChamberPlan, outcomes: Outcomes
    ) -> None:
        self._engine, self._cgroups = engine, cgroups
        self._kit, self._plan, self._outcomes = kit, plan, outcomes
        self._image_environment = image_environment(engine, plan)
        self._left = self._left_by_earlier_slices()
        self._clock = Clock()

    def run(self, first: int, until: datetime) -> None:
        """Run every lane; the first failure of the machine is raised when all lanes have come back."""
        lanes = range(min(self._plan.lanes, self._plan.chambers))
        with ThreadPoolExecutor(max_workers=len(lanes)) as threads:
            running = [threads.submit(self._run_lane, lane, first, until) for lane in lanes]
        for lane in running:
            lane.result()

    def _run_lane(self, lane: int, first: int, until: datetime) -> None:
        desk = CellDesk(self._outcomes.work, self._plan, lane)
        while (chamber := self._first_open(lane, first)) is not None:
            container_id = self._left.pop(lane, None) or self._begin(desk, lane, chamber, until)
            if container_id is None:
                return
            ended = self._engine.wait(container_id, self._clock.seconds_to(until))
            desk.deliver(self._outcomes)
            if not ended and self._first_open(lane, first) is not None:
                return
            # With every outcome there, the supervisor is leaving: no later slice would come back for its container.
            if not ended and not self._engine.wait(container_id, GONE_SECONDS):
                raise InfrastructureLost("cell-runs-on", "A cell did not end after its chambers; restart the engine.")
            state = self._end(container_id)
            desk.deliver(self._outcomes)
            desk.clear()
            self._judge(state, self._first_open(lane, first))

    def _begin(self, desk: CellDesk, lane: int, chamber: int, until: datetime) -> str | None:
        """Start the lane's cell at a chamber; None if that lies beyond the slice."""
        plan = self._plan
        start = plan.slot(chamber)[0] if plan.timing is Timing.PADDED else self._clock.now()
        if start >= until:
            return None
        blocks = _blocks(plan)
        desk.lay()
        told = supervisor.arguments(plan, lane, chamber, self._clock.monotonic(plan.start_at))
        container = cell_flags.container_config(plan, lane, self._kit, self._image_environment, told)
        host = cell_flags.host_config(plan, desk, self._kit, blocks)
        container_id = self._engine.create(container, host, cell_flags.beyond_the_sdk())
        self._engine.start(container_id)
        self._cgroups.learn(container_id, self._engine.state(container_id).pid)
        self._cgroups.check_visible(container_id, lambda: self._engine.state(container_id).running)
        return container_id

    def _end(self, container_id: str) -> ContainerState:
        """Step 5."""
        state = self._engine.state(container_id)
        self._cgroups.clear(container_id)
        self._engine.remove(container_id)
        return state

    def _judge(self, state: ContainerState, chamber: int | None) -> None:
        """Say what became of the chamber that is open although its cell has ended."""
        if chamber is None:
            return
        if state.exit_code != KILLED or not state.out_of_memory:
            raise _lost(state)
        self._outcomes.write(chamber, None)

    def _first_open(self, lane: int, first: int) -> int | None:
        mine = range(lane, self._plan.chambers, self._plan.lanes)
        return next((chamber for chamber in mine if chamber >= first and not self._outcomes.has(chamber)), None)

    def _left_by_earlier_slices(self) -> dict[int, str]:
        """The cells of this fence that were started; those that were only created are removed."""
        ours = cell_flags.labels(self._kit.node, self._plan.job, self._plan.fence)
        left = {}
        for container_id, labels in self._engine.containers(ours).items():
            if self._engine.state(container_id).started_at is None:
                self._engine.remove(container_id)
            else:
                left[int(labels[f"{flags.LABEL}.lane"])] = container_id
        return left


def _blocks(plan: ChamberPlan) -> Path:
    """The one directory that holds all blocks, each named by its chamber's number, as the supervisor looks for them."""
    named = [(directory, f"{chamber:06d}") for chamber, directory in enumerate(plan.block_dirs) if directory]
    parents = {directory.parent for directory, _ in named}
    if len(parents) != 1 or any(directory.name != name for directory, name in named):
        msg = "the blocks of a plan lie in one directory and are named by their six-digit numbers"
        raise RuntimeError(msg)
    return parents.pop()


def _lost(state: ContainerState) -> InfrastructureLost:
    if state.exit_code == supervisor.FORBIDDEN:
        return CellsForbidden(
            "cell-forbidden",
            "This machine lets no cell make its mounts; load policies/apparmor-cell and name it in cell_apparmor.",
        )
    return InfrastructureLost("cell-failed", f"A cell ended with code {state.exit_code} before all of its chambers.")
