"""A chamber plan: everything that the chamber runtime needs to know, as pure data.

A *chamber* is one execution of the approved image over one block. Chamber j belongs to lane ``j % lanes`` and to row
``j // lanes``. In a ``padded`` plan its slot is ``[start_at + row*T, start_at + (row+1)*T]`` whatever happened before
(DESIGN 6): a chamber that started when its predecessor ended could read that one's run time off the clock.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sandbox.errors import InfrastructureLost, Refused

MAXIMUM_CHAMBERS = 1_000_000
MAXIMUM_LANES = 64
MINIMUM_SLOT_MILLISECONDS = 10
MAXIMUM_SLOT_MILLISECONDS = 24 * 3600 * 1000
MINIMUM_MEMORY_BYTES = 8 << 20  # below it the engine's own start-up runs out of memory
MAXIMUM_OUTPUT_BYTES = 16 << 20
MAXIMUM_INPUT_BYTES = 16 << 20

FIRST_UID = 1 << 20  # above every account and every usual sub-uid range
LAST_UID = 2**31 - 1  # some kernels' interfaces still read a uid as a signed number

_JOB = re.compile(r"[a-z0-9][a-z0-9_.-]{0,127}")
_IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")
_OCI_RUNTIME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Timing(StrEnum):
    """When chambers start and end."""

    PADDED = "padded"
    IMMEDIATE = "immediate"


class Profile(StrEnum):
    """What is closed between one chamber and the next (DESIGN 6)."""

    STANDARD = "standard"  # what passes between chambers at the same time
    STRICT = "strict"  # also what the kernel's state tells about chambers before


@dataclass(frozen=True, slots=True, kw_only=True)
class ChamberPlan:
    """What one job's chambers are, may use, and when they run.

    `fence` stays the same from one tick of the job to the next, so that a later tick finds the chambers that an earlier
    one started; it grows when a job is taken over. `image_id` is the engine's ID of a loaded, checked image.
    `entrypoint` begins with an absolute path inside the image. `block_dirs[j]` holds exactly the files of block j, is
    readable for every uid, and lies beside the others under its six-digit number; None says that the block is empty, so
    its slot passes without a chamber. Sizes are bytes. `start_at` is the moment of the first slot (aware).
    `uid_base + j` is the uid of chamber j: `uid_base` gives each running job a range of its own. `seccomp` is the JSON
    text of the list of system calls that belongs to `profile`.
    """

    job: str
    fence: int
    image_id: str
    entrypoint: tuple[str, ...]
    input_json: bytes
    block_dirs: tuple[Path | None, ...]
    slot_milliseconds: int
    memory_bytes: int
    output_bytes: int
    timing: Timing
    profile: Profile
    start_at: datetime
    lanes: int
    seccomp: str
    oci_runtime: str
    uid_base: int

    def __post_init__(self) -> None:
        _check_names(self)
        _check_numbers(self)

    @property
    def chambers(self) -> int:
        """The number of chambers, which is public."""
        return len(self.block_dirs)

    @property
    def slot_length(self) -> timedelta:
        """The time of one chamber."""
        return timedelta(milliseconds=self.slot_milliseconds)

    def slot(self, chamber: int) -> tuple[datetime, datetime]:
        """The fixed start and end of a padded chamber's slot."""
        length = self.slot_length
        start = self.start_at + (chamber // self.lanes) * length
        return start, start + length

    @property
    def end_at(self) -> datetime:
        """The end of the last slot of a padded plan."""
        return self.slot(self.chambers - 1)[1]


def uid_base(job: str) -> int:
    """The first uid of a job's chambers, from its name: nodes that share an engine need not agree on anything.

    Two jobs of n chambers that run at once overlap with a chance of about n in 10⁹.
    """
    number = int.from_bytes(hashlib.sha256(job.encode()).digest()[:8], "big")
    return FIRST_UID + number % (LAST_UID - FIRST_UID - MAXIMUM_CHAMBERS)


def check_profile(profile: Profile, *offered: Profile) -> None:
    """Refuse a profile that an engine does not offer: chambers never run with less than was promised."""
    if profile not in offered:
        raise InfrastructureLost(
            "profile-unavailable",
            f"This engine does not offer profile {profile}: use cells, or sign a policy with another profile.",
        )


def _check_names(plan: ChamberPlan) -> None:
    _require(_JOB.fullmatch(plan.job), "chamber-plan-job", "A job's name has small letters, digits, _ . - only.")
    _require(plan.fence >= 0, "chamber-plan-job", "The fence is a count, never negative.")
    _require(
        _IMAGE_ID.fullmatch(plan.image_id), "chamber-plan-image", "An image is run by its sha256 ID, never by tag."
    )
    _require(
        bool(plan.entrypoint)
        and plan.entrypoint[0].startswith("/")
        and not any("\0" in word for word in plan.entrypoint),
        "chamber-plan-entrypoint",
        "The entry point must begin with an absolute path: no search path of the image is followed.",
    )
    _require(_OCI_RUNTIME.fullmatch(plan.oci_runtime), "chamber-plan-runtime", "The OCI runtime's name is malformed.")
    _require(plan.start_at.tzinfo is not None, "chamber-plan-start", "The moment of the first slot needs a time zone.")


def _check_numbers(plan: ChamberPlan) -> None:
    _within("chambers", plan.chambers, 1, MAXIMUM_CHAMBERS)
    _within("lanes", plan.lanes, 1, MAXIMUM_LANES)
    _within("slot_milliseconds", plan.slot_milliseconds, MINIMUM_SLOT_MILLISECONDS, MAXIMUM_SLOT_MILLISECONDS)
    _within("memory_bytes", plan.memory_bytes, MINIMUM_MEMORY_BYTES, 1 << 50)
    _within("output_bytes", plan.output_bytes, 1, MAXIMUM_OUTPUT_BYTES)
    _within("input_json", len(plan.input_json), 2, MAXIMUM_INPUT_BYTES)
    _within("uid_base", plan.uid_base, FIRST_UID, LAST_UID - plan.chambers)


def _within(name: str, value: int, low: int, high: int) -> None:
    _require(low <= value <= high, "chamber-plan-limit", f"{name} must be between {low} and {high}, not {value}.")


def _require(holds: object, code: str, sentence: str) -> None:
    if not holds:
        raise Refused(code, sentence)
