"""Step 10, `charged` to `staged`: this order's permitted view, block by block, in memory that a reboot forgets."""

import shutil
from pathlib import Path

from sandbox.actions.fetch_image import fetch_image
from sandbox.actions.snapshot import charged_snapshot
from sandbox.actions.verify import IMAGE_PAUSE
from sandbox.actions.view import stage_plan
from sandbox.actions.work import Pause, Work
from sandbox.domain.job import JobState
from sandbox.domain.turns import output_room
from sandbox.store import job
from sandbox.store.turns import need

BLOCKS = "blocks"
OUTPUTS = "outputs"


def stage(work: Work) -> Pause | None:
    """Stage the pinned snapshot. What an earlier attempt left behind is thrown away first."""
    from sandbox.data.stage import stage as stage_blocks

    node = work.node
    node.runtime.remove_below(work.row.id, work.row.run_fence + 1)
    image = work.algorithm.image
    # The engine may have lost it since it was verified, or this may be another machine's, by whose name it goes here.
    image_id = fetch_image(node, image, work.until) if image else None
    if image_id is None:
        return Pause(due_at=node.clock.now() + IMAGE_PAUSE)
    offered = charged_snapshot(work)
    directory = node.run_directory(work.row.id) / str(work.held.fence)
    _remove_lower(directory)
    directory.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700)  # closed to the machine's other users; the engine mounts from below it
    stage_blocks(
        node.places.datasets / offered.directory,
        stage_plan(work.algorithm, work.order, work.gate_plan),
        directory / BLOCKS,
        most=_room(work),
    )
    # A cell's supervisor is root without the right to pass what it does not own: it may reach a block that it names.
    (directory / BLOCKS).chmod(0o711)
    with node.store.transaction() as session:
        staged = {"staged_fence": work.held.fence, "image_id": image_id, "next_chamber": 0}
        job.move(session, work.held, JobState.STAGED, node.clock.now(), **staged)
    return None


def _room(work: Work) -> int:
    """What of the job's reservation is for its blocks: as public as the facts that it was made from."""
    plan, reserved = work.gate_plan, need(work.row.terms).staging or work.node.limits.staging
    return reserved - output_room(plan.blocks, work.algorithm.output_bytes)


def _remove_lower(directory: Path) -> None:
    """Throw away what lower fences staged. A worker that was overtaken here can only remove what is older still."""
    if directory.parent.exists():
        for older in directory.parent.iterdir():
            if int(older.name) < int(directory.name):
                shutil.rmtree(older, ignore_errors=True)
