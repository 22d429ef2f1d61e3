"""Engine `container`: a fresh Docker container for each chamber.

The life of a chamber, in this order and no other:

1. its desk is laid: launcher, input and an empty result file, whose descriptor stays open here (`desk`);
2. the container is created with every flag of `flags`, and started;
3. the engine's word that it ended is awaited, at most until the chamber's time is over; then it is killed;
4. the kernel is asked whether anything of it still runs (`cgroups`);
5. only if it ended by itself, with exit code 0, with memory to spare and with nothing left running, its result is read
   through the descriptor of step 1; else it yields nothing;
6. the outcome is written down, then container and desk are removed.

A crash between any two steps is mended by the next slice: what has an outcome is removed, what runs is resumed, what
never started is begun anew.
"""

from datetime import datetime
from pathlib import Path

from sandbox.chambers import flags
from sandbox.chambers.cgroups import Cgroups
from sandbox.chambers.desk import Desk, sweep
from sandbox.chambers.engine import Engine, amid
from sandbox.chambers.engine_runtime import EngineRuntime, image_environment
from sandbox.chambers.limits import GONE_SECONDS
from sandbox.chambers.outputs import Outcomes
from sandbox.chambers.slices import Clock, run_slots
from sandbox.domain.chamber import ChamberPlan, Profile, check_profile
from sandbox.errors import InfrastructureLost


class ContainerRuntime(EngineRuntime):
    """Chambers as Docker containers."""

    def run_slice(self, plan: ChamberPlan, first: int, outputs_dir: Path, until: datetime) -> int:
        """As `ChamberRuntime.run_slice` says."""
        check_profile(plan.profile, Profile.STANDARD)
        outcomes = Outcomes(outputs_dir)
        self._engine.check_able(plan.oci_runtime)
        sweep(outcomes.work, plan.fence)
        hall = Hall(self._engine, self._cgroups, self._node, plan, outcomes)
        with amid("ran chambers"):
            run_slots(plan, hall, outcomes, first, until)
        return outcomes.first_open(first, plan.chambers)

    def prepare_image(self, image_id: str, profile: Profile) -> None:  # noqa: ARG002  the engine has it ready
        """As `ChamberRuntime.prepare_image` says."""
        check_profile(profile, Profile.STANDARD)


class Hall:
    """The chambers of one plan in one slice."""

    def __init__(self, engine: Engine, cgroups: Cgroups, node: str, plan: ChamberPlan, outcomes: Outcomes) -> None:
        self._engine = engine
        self._cgroups = cgroups
        self._node = node
        self._plan = plan
        self._outcomes = outcomes
        self._image_environment = image_environment(engine, plan)
        self._left = self._left_by_earlier_slices()
        self._learned = False

    def is_left(self, chamber: int) -> bool:
        """Whether an earlier slice started this chamber and left it running."""
        return chamber in self._left

    def run(self, chamber: int, kill_at: datetime | None, until: datetime, clock: Clock) -> None:
        """Run or resume one chamber to its end, or leave it running at `until`.

        It is killed at `kill_at`, or when None, after its slot's length from its own start.
        """
        desk = Desk(self._outcomes.work, self._plan, chamber)
        try:
            container_id, started_at = self._resume(chamber, desk) or self._begin(chamber, desk, clock)
            end = kill_at or started_at + self._plan.slot_length
            ended = self._engine.wait(container_id, clock.seconds_to(min(end, until)))
            if not ended and clock.now() < end:
                return
            self._end(chamber, desk, container_id, end if ended else None)
        finally:
            desk.leave()

    def _resume(self, chamber: int, desk: Desk) -> tuple[str, datetime] | None:
        """The container that an earlier slice left running, and when it started."""
        container_id = self._left.get(chamber)
        if container_id is None or not desk.resume():
            return None
        started_at = self._engine.state(container_id).started_at
        return (container_id, started_at) if started_at else None

    def _begin(self, chamber: int, desk: Desk, clock: Clock) -> tuple[str, datetime]:
        block = self._plan.block_dirs[chamber]
        if block is None:
            msg = f"chamber {chamber} has no block"
            raise RuntimeError(msg)
        desk.lay()
        container = flags.container_config(self._plan, chamber, self._node, self._image_environment)
        host = flags.host_config(self._plan, desk, block)
        container_id = self._engine.create(container, host, flags.beyond_the_sdk())
        self._engine.start(container_id)
        started_at = clock.now()
        self._check_visible(container_id)
        return container_id, started_at

    def _end(self, chamber: int, desk: Desk, container_id: str, due: datetime | None) -> None:
        """Steps 3 to 6, for a chamber that was seen to end and was due by then, or (None) is to be killed."""
        if due is None:
            self._engine.kill(container_id)
            if not self._engine.wait(container_id, GONE_SECONDS):
                raise InfrastructureLost("chamber-runs-on", "The engine could not end a chamber; restart the engine.")
        state = self._engine.state(container_id)
        # It may have ended while nobody looked, after its time.
        in_time = due is not None and state.finished_at is not None and state.finished_at <= due
        nothing_left = self._cgroups.clear(container_id)
        good = in_time and nothing_left and state.exit_code == 0 and not state.out_of_memory
        self._outcomes.write(chamber, desk.read() if good else None)
        self._engine.remove(container_id)
        desk.clear()

    def _check_visible(self, container_id: str) -> None:
        """Once for each slice: learn where the engine puts cgroups, and refuse to go on if they cannot be seen."""
        if self._learned:
            return
        self._learned = True
        self._cgroups.learn(container_id, self._engine.state(container_id).pid)
        self._cgroups.check_visible(container_id, lambda: self._engine.state(container_id).running)

    def _left_by_earlier_slices(self) -> dict[int, str]:
        """The containers of this fence that were started and have no outcome yet; others are removed."""
        ours = {
            f"{flags.LABEL}.node": self._node,
            f"{flags.LABEL}.job": self._plan.job,
            f"{flags.LABEL}.fence": str(self._plan.fence),
        }
        left = {}
        for container_id, labels in self._engine.containers(ours).items():
            chamber = int(labels[f"{flags.LABEL}.chamber"])
            if self._outcomes.has(chamber) or self._engine.state(container_id).started_at is None:
                self._engine.remove(container_id)
                self._cgroups.clear(container_id)
            else:
                left[chamber] = container_id
        return left
