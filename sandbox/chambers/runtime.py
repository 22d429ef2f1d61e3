"""The one interface behind which chambers run; its docstrings are the specification."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Protocol

from protocol.documents.algorithm import ImageIdentity
from sandbox.domain.chamber import ChamberPlan, Profile


class ChamberRuntime(Protocol):
    """Runs an approved image over many blocks, each in a chamber of its own, and brings back bytes or nothing.

    What every implementation promises (tests/contract runs the same tests against each):

    1. **A chamber's bytes are a function of its own block, the input, the image and fresh randomness.** It sees
       ``/mnt/input/input.json``, ``/mnt/input/data/`` (its own block, read-only), ``/mnt/output/result.json`` (an empty
       file that it may write; it cannot be removed, replaced or joined by another) and nothing of any other chamber.
    2. **Bytes or nothing.** A chamber yields the content of its result file if it ended by itself with exit code 0
       inside its slot, was never short of memory, and wrote at least one and at most `output_bytes` bytes. Else it
       yields nothing. Why it yielded nothing is neither kept nor logged: it may be a function of the data.
    3. **Whatever comes back is untrusted.** Nobody has parsed it.
    4. **Nothing runs on.** When a chamber's outcome is written, none of its processes is alive.
    5. **Slots.** ``padded``: chamber j starts at the start of its slot, and is killed and read before its end, whatever
       happened before; a start that was missed by more than half a slot is not made up for: the chamber yields
       nothing. ``immediate``: up to `lanes` chambers run at once and each has its slot's length from its own start.
    6. **An empty block** (None) is not run; in a ``padded`` plan its slot passes unused.
    7. **Profiles.** An engine that does not offer the plan's profile raises ``profile-unavailable``, and runs nothing
       with less.
    8. **The machine's failures are not the algorithm's.** What the engine could not do raises `InfrastructureLost`;
       what the algorithm did never raises. An engine that does not answer raises `Unreachable`, and may be waited for;
       one that went away while it loaded an image or ran chambers raises ``engine-died``, and is not waited for twice.
    """

    def find_image(self, identity: ImageIdentity) -> str | None:
        """The engine's ID of this image if it is loaded: it bears a signed name and has exactly the signed layers."""

    def load_image(self, archive: Path, identity: ImageIdentity) -> str:
        """Check the archive against the signed identity, load it, and return the engine's ID for it.

        An image that `find_image` finds is not looked at again: its ID commits to every byte of its layers. Refuses
        an archive that `read_identity` refuses, and ``image-mismatch`` when its identity, or what the engine
        made of it, differs from the signed one.
        """

    def prepare_image(self, image_id: str, profile: Profile) -> None:
        """Have ready what chambers of this profile need of a loaded image, so that their first slot starts in time.

        Raises ``profile-unavailable`` where `run_slice` would.
        """

    def remove_image(self, image_id: str) -> None:
        """Remove an image and what was made of it; one that is gone is gone, one in use raises `InfrastructureLost`."""

    def run_slice(self, plan: ChamberPlan, first: int, outputs_dir: Path, until: datetime) -> int:
        """Run chambers from `first` on until `until`; return the lowest chamber without an outcome.

        `plan.chambers` is returned when all have one. Outcomes are written by trusted code into `outputs_dir`, which
        must lie on tmpfs (``outputs-not-on-tmpfs`` otherwise: chamber outputs never reach a disk). What still runs at
        `until` is left running, and the next call with the same job and fence, also in another process, picks it up.
        A chamber that already has an outcome is never run again. Returns as soon as every chamber has its outcome.
        """

    def collect(self, outputs_dir: Path, chambers: int) -> list[bytes | None]:
        """The untrusted bytes of each chamber, or None; `RuntimeError` if one of them has no outcome yet."""

    def remove_below(self, job: str, fence: int) -> int:
        """Kill and remove what lower fences of this job left; return how many containers that were."""

    def attempts(self) -> Collection[tuple[str, int]]:
        """The jobs and fences of which this node has chambers on this machine, running or ended."""

    def reap(self, live_jobs: Collection[str]) -> int:
        """Kill and remove every chamber of this node whose job is not live; return how many that were."""
